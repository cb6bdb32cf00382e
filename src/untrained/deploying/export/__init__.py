"""A trained network as a file that runs without `untrained`: a file a format, each compared with the network."""

from untrained.deploying.export.export import FORMATS, export_network
from untrained.deploying.export.exportable import Exportable
from untrained.deploying.export.exported import Exported
from untrained.deploying.export.trained import exportable_of

__all__ = ["FORMATS", "Exportable", "Exported", "export_network", "exportable_of"]
