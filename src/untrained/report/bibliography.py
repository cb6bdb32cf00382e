"""The papers behind metrics, samplers, spaces, data and tools: authors, title, venue and year, and nothing else."""

import re
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any

VENUES = {
    "AAAI": "Proceedings of the AAAI Conference on Artificial Intelligence",
    "ACL": "Annual Meeting of the Association for Computational Linguistics (ACL)",
    "CVPR": "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)",
    "ICANN": "International Conference on Artificial Neural Networks (ICANN)",
    "ICCV": "IEEE/CVF International Conference on Computer Vision (ICCV)",
    "ICLR": "International Conference on Learning Representations (ICLR)",
    "ICML": "International Conference on Machine Learning (ICML)",
    "KDD": "ACM SIGKDD International Conference on Knowledge Discovery and Data Mining (KDD)",
    "MICCAI": "Medical Image Computing and Computer-Assisted Intervention (MICCAI)",
    "NeurIPS": "Advances in Neural Information Processing Systems (NeurIPS)",
    "NIPS": "Advances in Neural Information Processing Systems (NIPS)",
    "UAI": "Conference on Uncertainty in Artificial Intelligence (UAI)",
}
"""Conferences; every other venue is a journal, an archive, or a place that keeps data."""
KEPT = ("arXiv", "UCI")
"""What the venue of something that was not printed begins with."""


@dataclass(frozen=True)
class Reference:
    """A paper, or the source of a data set.

    Args:
        authors: Their names, given names first.
        title: The title.
        venue: One of `VENUES`, a journal, or an archive with its number; "" if it is not known.
        year: The year.

    Example:
        >>> Reference(("Zhihao Zhang", "Zhihao Jia"), "GradSign: Model Performance", "ICLR", 2022).key
        'zhang2022gradsign'
    """

    authors: tuple[str, ...]
    title: str
    venue: str
    year: int

    @property
    def families(self) -> tuple[str, ...]:
        """The family names of the authors."""
        return tuple(_family(author)[0] for author in self.authors)

    @property
    def key(self) -> str:
        """Family name of the first author, year and first long word of the title, in small letters of ASCII."""
        words = re.findall(r"[a-z0-9]{4,}", _plain(self.title))
        return re.sub(r"[^a-z0-9]", "", _plain(self.families[0])) + f"{self.year}{words[0]}"

    def to_bibtex(self) -> str:
        """The entry as BibTeX in UTF-8; the title keeps its capitals."""
        names = " and ".join(", ".join(filter(None, _family(author))) for author in self.authors)
        kind, place = self._place()
        fields = {"author": names, "title": f"{{{self.title}}}", place: VENUES.get(self.venue, self.venue)}
        lines = [f"  {name} = {{{value}}}," for name, value in (fields | {"year": str(self.year)}).items() if value]
        return "\n".join([f"@{kind}{{{self.key},", *lines, "}"])

    def to_json(self) -> dict[str, Any]:
        """The reference as a JSON object, with its `key`."""
        return {"key": self.key, **asdict(self), "authors": list(self.authors)}

    def _place(self) -> tuple[str, str]:
        if self.venue in VENUES:
            return "inproceedings", "booktitle"
        return ("misc", "howpublished") if not self.venue or self.venue.startswith(KEPT) else ("article", "journal")


PARTICLES = ("De", "de", "van", "von")


def _family(author: str) -> tuple[str, str]:
    """Family name, with its particles, and given names."""
    words = author.split()
    start = next((place for place, word in enumerate(words[:-1]) if word in PARTICLES), len(words) - 1)
    return " ".join(words[start:]), " ".join(words[:start])


def _plain(text: str) -> str:
    return (
        unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L"))
        .encode("ascii", "ignore")
        .decode()
        .lower()
    )


def _read(text: str) -> Reference:
    authors, title, venue, year = (part.strip() for part in text.split("|"))
    return Reference(tuple(author.strip() for author in authors.split(",")), title, venue, int(year))


def _named(text: str) -> dict[str, Reference]:
    """Short name -> reference, of lines `name: authors | title | venue | year`."""
    lines = (line.partition(":") for line in text.strip().splitlines())
    return {name.strip(): _read(rest) for name, _, rest in lines}


PAPERS = _named("""
robot: Zhenfeng He, Yao Shu, Zhongxiang Dai, Bryan Kian Hsiang Low | Robustifying and Boosting Training-Free Neural Architecture Search | ICLR | 2024
optuna: Takuya Akiba, Shotaro Sano, Toshihiko Yanase, Takeru Ohta, Masanori Koyama | Optuna: A Next-generation Hyperparameter Optimization Framework | KDD | 2019
pytorch: Adam Paszke, Sam Gross, Francisco Massa, Adam Lerer, James Bradbury, Gregory Chanan, Trevor Killeen, Zeming Lin, Natalia Gimelshein, Luca Antiga, Alban Desmaison, Andreas Köpf, Edward Yang, Zachary DeVito, Martin Raison, Alykhan Tejani, Sasank Chilamkurthy, Benoit Steiner, Lu Fang, Junjie Bai, Soumith Chintala | PyTorch: An Imperative Style, High-Performance Deep Learning Library | NeurIPS | 2019
zerocost: Mohamed S. Abdelfattah, Abhinav Mehrotra, Łukasz Dudziak, Nicholas D. Lane | Zero-Cost Proxies for Lightweight NAS | ICLR | 2021
snip: Namhoon Lee, Thalaiyasingam Ajanthan, Philip H. S. Torr | SNIP: Single-shot Network Pruning based on Connection Sensitivity | ICLR | 2019
grasp: Chaoqi Wang, Guodong Zhang, Roger Grosse | Picking Winning Tickets Before Training by Preserving Gradient Flow | ICLR | 2020
theis: Lucas Theis, Iryna Korshunova, Alykhan Tejani, Ferenc Huszár | Faster gaze prediction with dense networks and Fisher pruning | arXiv 1801.05787 | 2018
blockswap: Jack Turner, Elliot J. Crowley, Michael O'Boyle, Amos Storkey, Gavin Gray | BlockSwap: Fisher-guided Block Substitution for Network Compression on a Budget | ICLR | 2020
skeletonization: Michael C. Mozer, Paul Smolensky | Skeletonization: A Technique for Trimming the Fat from a Network via Relevance Assessment | NIPS | 1988
synflow: Hidenori Tanaka, Daniel Kunin, Daniel L. K. Yamins, Surya Ganguli | Pruning neural networks without any data by iteratively conserving synaptic flow | NeurIPS | 2020
mellor2020: Joseph Mellor, Jack Turner, Amos Storkey, Elliot J. Crowley | Neural Architecture Search without Training | arXiv 2006.04647v1 | 2020
mellor2021: Joseph Mellor, Jack Turner, Amos Storkey, Elliot J. Crowley | Neural Architecture Search without Training | ICML | 2021
epenas: Vasco Lopes, Saeid Alirezazadeh, Luís A. Alexandre | EPE-NAS: Efficient Performance Estimation Without Training for Neural Architecture Search | ICANN | 2021
tenas: Wuyang Chen, Xinyu Gong, Zhangyang Wang | Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically Inspired Perspective | ICLR | 2021
swap: Yameng Peng, Andy Song, Haytham M. Fayek, Vic Ciesielski, Xiaojun Chang | SWAP-NAS: Sample-Wise Activation Patterns for Ultra-fast NAS | ICLR | 2024
hnas: Yao Shu, Zhongxiang Dai, Zhaoxuan Wu, Bryan Kian Hsiang Low | Unifying and Boosting Gradient-Based Training-Free Neural Architecture Search | NeurIPS | 2022
aznas: Junghyup Lee, Bumsub Ham | AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search | CVPR | 2024
zen: Ming Lin, Pichao Wang, Zhenhong Sun, Hesen Chen, Xiuyu Sun, Qi Qian, Hao Li, Rong Jin | Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition | ICCV | 2021
meco: Tangyu Jiang, Haodi Wang, Rongfang Bie | MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue of Correlation | NeurIPS | 2023
vkdnw: Ondřej Týbl, Lukáš Neumann | Training-free Neural Architecture Search through Variance of Knowledge of Deep Network Weights | CVPR | 2025
zico: Guihong Li, Yuedong Yang, Kartikeya Bhardwaj, Radu Marculescu | ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients | ICLR | 2023
near: Raphael T. Husistein, Markus Reiher, Marco Eckhoff | NEAR: A Training-Free Pre-Estimator of Machine Learning Model Performance | ICLR | 2025
lswag: Sofia Casarin, Sergio Escalera, Oswald Lanz | L-SWAG: Layer-Sample Wise Activation with Gradients Information for Zero-Shot NAS on Vision Transformers | CVPR | 2025
dextr: Rohan Asthana, Joschua Conrad, Maurits Ortmanns, Vasileios Belagiannis | Dextr: Zero-Shot Neural Architecture Search with Singular Value Decomposition and Extrinsic Curvature | Transactions on Machine Learning Research | 2025
wrcor: Kun Jing, Luoyu Chen, Jungang Xu, Jianwei Tai, Yiyu Wang, Shuaimin Li | Zero-Shot Neural Architecture Search with Weighted Response Correlation | Neurocomputing | 2025
epsinas: Ekaterina Gracheva | Neural architecture search: two constant shared weights initialisations | Artificial Intelligence Review | 2025
rbflex: Tomomasa Yamasaki, Zhehui Wang, Tao Luo, Niangjun Chen, Bo Wang | RBFleX-NAS: Training-Free Neural Architecture Search Using Radial Basis Function Kernel and Hyperparameter Detection | IEEE Transactions on Neural Networks and Learning Systems | 2025
intrain: Qinqin Zhou, Fuhai Chen, Jipeng Wu, Zhiwei Chen, Zhikai Hu, Weiwei Cai | InTrain: Intrinsic Trainability for Zero-Cost Neural Architecture Search | CVPR | 2026
dss: Qinqin Zhou, Kekai Sheng, Xiawu Zheng, Ke Li, Xing Sun, Yonghong Tian, Jie Chen, Rongrong Ji | Training-free Transformer Architecture Search | CVPR | 2022
wpca: Shang Wang | W-PCA Based Gradient-Free Proxy for Efficient Search of Lightweight Language Models | ICLR | 2025
gradsign: Zhihao Zhang, Zhihao Jia | GradSign: Model Performance Inference with Theoretical Insights | ICLR | 2022
random: James Bergstra, Yoshua Bengio | Random Search for Hyper-Parameter Optimization | Journal of Machine Learning Research | 2012
rea: Esteban Real, Alok Aggarwal, Yanping Huang, Quoc V. Le | Regularized Evolution for Image Classifier Architecture Search | AAAI | 2019
reinforce: Barret Zoph, Quoc V. Le | Neural Architecture Search with Reinforcement Learning | ICLR | 2017
localsearch: Colin White, Sam Nolen, Yash Savani | Exploring the Loss Landscape in Neural Architecture Search | UAI | 2021
tpe: James Bergstra, Rémi Bardenet, Yoshua Bengio, Balázs Kégl | Algorithms for Hyper-Parameter Optimization | NeurIPS | 2011
gp: Jasper Snoek, Hugo Larochelle, Ryan P. Adams | Practical Bayesian Optimization of Machine Learning Algorithms | NeurIPS | 2012
bohb: Stefan Falkner, Aaron Klein, Frank Hutter | BOHB: Robust and Efficient Hyperparameter Optimization at Scale | ICML | 2018
nasbench201: Xuanyi Dong, Yi Yang | NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search | ICLR | 2020
transnas: Yawen Duan, Xin Chen, Hang Xu, Zewei Chen, Xiaodan Liang, Tong Zhang, Zhenguo Li | TransNAS-Bench-101: Improving Transferability and Generalizability of Cross-Task Neural Architecture Search | CVPR | 2021
suitezero: Arjun Krishnakumar, Colin White, Arber Zela, Renbo Tu, Mahmoud Safari, Frank Hutter | NAS-Bench-Suite-Zero: Accelerating Research on Zero Cost Proxies | NeurIPS | 2022
resnet: Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun | Deep Residual Learning for Image Recognition | CVPR | 2016
tabular: Yury Gorishniy, Ivan Rubachev, Valentin Khrulkov, Artem Babenko | Revisiting Deep Learning Models for Tabular Data | NeurIPS | 2021
unet: Olaf Ronneberger, Philipp Fischer, Thomas Brox | U-Net: Convolutional Networks for Biomedical Image Segmentation | MICCAI | 2015
attention: Ashish Vaswani, Noam Shazeer, Niki Parmar, Jakob Uszkoreit, Llion Jones, Aidan N. Gomez, Łukasz Kaiser, Illia Polosukhin | Attention Is All You Need | NeurIPS | 2017
mnasnet: Mingxing Tan, Bo Chen, Ruoming Pang, Vijay Vasudevan, Mark Sandler, Andrew Howard, Quoc V. Le | MnasNet: Platform-Aware Neural Architecture Search for Mobile | CVPR | 2019
accelnas: Afzal Ahmad, Linfeng Du, Zhiyao Xie, Wei Zhang | Accel-NASBench: Sustainable Benchmarking for Accelerator-Aware NAS | | 2024
ofa: Han Cai, Chuang Gan, Tianzhe Wang, Zhekai Zhang, Song Han | Once-for-All: Train One Network and Specialize it for Efficient Deployment | ICLR | 2020
mobilenetv3: Andrew Howard, Mark Sandler, Grace Chu, Liang-Chieh Chen, Bo Chen, Mingxing Tan, Weijun Wang, Yukun Zhu, Ruoming Pang, Vijay Vasudevan, Quoc V. Le, Hartwig Adam | Searching for MobileNetV3 | ICCV | 2019
vit: Alexey Dosovitskiy, Lucas Beyer, Alexander Kolesnikov, Dirk Weissenborn, Xiaohua Zhai, Thomas Unterthiner, Mostafa Dehghani, Matthias Minderer, Georg Heigold, Sylvain Gelly, Jakob Uszkoreit, Neil Houlsby | An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale | ICLR | 2021
autoformer: Minghao Chen, Houwen Peng, Jianlong Fu, Haibin Ling | AutoFormer: Searching Transformers for Visual Recognition | ICCV | 2021
nats: Xuanyi Dong, Lu Liu, Katarzyna Musial, Bogdan Gabrys | NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and Size | IEEE Transactions on Pattern Analysis and Machine Intelligence | 2021
darts: Hanxiao Liu, Karen Simonyan, Yiming Yang | DARTS: Differentiable Architecture Search | ICLR | 2019
hwgpt: Rhea Sanjay Sukthanker, Arber Zela, Benedikt Staffler, Aaron Klein, Lennart Purucker, Jörg K. H. Franke, Frank Hutter | HW-GPT-Bench: Hardware-Aware Architecture Benchmark for Language Models | NeurIPS | 2024
nasbench101: Chris Ying, Aaron Klein, Eric Christiansen, Esteban Real, Kevin Murphy, Frank Hutter | NAS-Bench-101: Towards Reproducible Neural Architecture Search | ICML | 2019
flexibert: Shikhar Tuli, Bhishma Dedhia, Shreshth Tuli, Niraj K. Jha | FlexiBERT: Are Current Transformer Architectures too Homogeneous and Rigid? | Journal of Artificial Intelligence Research | 2023
serianni: Aaron Serianni, Jugal Kalita | Training-free Neural Architecture Search for RNNs and Transformers | ACL | 2023
sklearn: Fabian Pedregosa, Gaël Varoquaux, Alexandre Gramfort, Vincent Michel, Bertrand Thirion, Olivier Grisel, Mathieu Blondel, Peter Prettenhofer, Ron Weiss, Vincent Dubourg, Jake Vanderplas, Alexandre Passos, David Cournapeau, Matthieu Brucher, Matthieu Perrot, Édouard Duchesnay | Scikit-learn: Machine Learning in Python | Journal of Machine Learning Research | 2011
digits: Ethem Alpaydin, Cenk Kaynak | Optical Recognition of Handwritten Digits | UCI Machine Learning Repository | 1998
iris: Ronald A. Fisher | The Use of Multiple Measurements in Taxonomic Problems | Annals of Eugenics | 1936
diabetes: Bradley Efron, Trevor Hastie, Iain Johnstone, Robert Tibshirani | Least Angle Regression | Annals of Statistics | 2004
""")  # noqa: E501 - a line for each paper

METRICS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("grad_norm", "l2_norm"), ("zerocost",)),
    "snip": ("snip", "zerocost"),
    "grasp": ("grasp", "zerocost"),
    "fisher": ("theis", "blockswap", "zerocost"),
    "plain": ("skeletonization", "zerocost"),
    "zico": ("zico",),
    "l_swag": ("lswag",),
    "gradsign": ("gradsign",),
    **dict.fromkeys(("synflow", "synflow_bn"), ("synflow",)),
    **dict.fromkeys(("jacob_cov", "jacov"), ("mellor2020",)),
    "epe_nas": ("epenas",),
    **dict.fromkeys(("naswot", "nwot"), ("mellor2021",)),
    **dict.fromkeys(("linear_regions", "ntk_condition_number"), ("tenas",)),
    "swap": ("swap",),
    "wrcor": ("wrcor",),
    "rbflex": ("rbflex",),
    "near": ("near",),
    "intrain": ("intrain",),
    "ntk_trace": ("hnas",),
    **dict.fromkeys(("az_expressivity", "az_progressivity", "az_trainability"), ("aznas",)),
    "zen": ("zen",),
    **dict.fromkeys(("meco", "meco_opt"), ("meco",)),
    "dextr": ("dextr",),
    "vkdnw": ("vkdnw",),
    "epsinas": ("epsinas",),
    "dss": ("dss",),
    "w_pca": ("wpca",),
    **dict.fromkeys(
        ("head_importance", "head_confidence", "softmax_confidence", "activation_distance", "hidden_covariance"),
        ("serianni",),
    ),
    **dict.fromkeys(("params", "flops", "layers", "latency"), ()),
}
"""Metric -> its papers; sizes and speeds have none."""

SAMPLERS: dict[str, tuple[str, ...]] = {
    "robot": ("robot",),
    "mixture": ("robot",),  # which it builds on
    "random": ("random",),
    "rea": ("rea",),
    "reinforce": ("reinforce",),
    "local_search": ("localsearch",),
    "hnas": ("hnas",),
    "tpe": ("tpe",),
    "gp": ("gp",),
    "bohb": ("bohb",),
    "single": (),  # the metric's own
    "rank_average": ("tenas",),
    "rank_product": ("aznas",),
    "az_nas": ("aznas",),
    "vkdnw_agg": ("vkdnw",),
}
SPACES: dict[str, tuple[str, ...]] = {
    "nasbench201": ("nasbench201",),
    **dict.fromkeys(("transnas101-micro", "transnas101-macro"), ("transnas",)),
    "resnet": ("resnet",),
    "mlp": ("tabular",),
    "unet": ("unet",),
    "transformer": ("attention",),
    "mnasnet": ("accelnas", "mnasnet"),
    "mobilenet": ("ofa", "mobilenetv3"),
    "vit": ("vit", "autoformer"),
    "natsbench-size": ("nats",),
    "darts": ("darts",),
    "gpt": ("hwgpt",),
    "nasbench101": ("nasbench101",),
    "bert": ("flexibert", "serianni"),
}
DATA: dict[str, tuple[str, ...]] = {
    "digits": ("digits", "sklearn"),
    "iris": ("iris", "sklearn"),
    "wine": ("sklearn",),
    "breast_cancer": ("sklearn",),
    "diabetes": ("diabetes", "sklearn"),
}
"""Data that come with scikit-learn -> whose they are, as far as that was printed."""
TABLES = {
    "nasbench201_metrics": ("suitezero",),
    "nasbench201": ("nasbench201",),
    "transnas101": ("transnas", "suitezero"),
}
"""What the file of a published table begins with -> whose it is."""
