"""How the site is built: `make docs`. What is generated comes from `_ext`, out of the registries and docstrings."""

import sys
from pathlib import Path

import ziamath

import untrained

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "untrained"
author = "the authors of untrained"
copyright = author
release = version = untrained.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",
    "mathml",
    "catalogue",
    "api",
    "commands",
]
exclude_patterns = ["_build", "_ext"]
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!untrained\.).*")]  # other packages: their inventories would need a network

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline", "attrs_block"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # notebooks carry their outputs
nb_merge_streams = True

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]  # links by name alone go astray
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
add_module_names = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"


html_theme = "furo"
html_title = "untrained"
html_static_path = ["_static", str(Path(ziamath.__file__).parent / "fonts")]  # a font that has formulas
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
