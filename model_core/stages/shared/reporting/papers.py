"""The papers behind the methods."""

from __future__ import annotations

from ....report.pieces import Section

_PAPERS = (
    "Bhuyan, K., Meena, S. R., Nava, L., van Westen, C., Floris, M., Catani, F. (2023): Mapping landslides through a "
    "temporal lens: an insight toward multi-temporal landslide mapping using the U-Net deep learning model. GIScience "
    "& Remote Sensing 60, 2182057. The course of the whole study, its tables and figures.",
    "Clauset, A., Shalizi, C. R., Newman, M. E. J. (2009): Power-law distributions in empirical data. SIAM Review 51, "
    "661–703. Power law of the sizes.",
    "Malamud, B. D., Turcotte, D. L., Guzzetti, F., Reichenbach, P. (2004): Landslide inventories and their "
    "statistical properties. Earth Surface Processes and Landforms 29, 687–711. Inverse gamma distribution of the "
    "sizes, magnitude mL.",
    "Olofsson, P., Foody, G. M., Herold, M., Stehman, S. V., Woodcock, C. E., Wulder, M. A. (2014): Good practices for "
    "estimating area and assessing accuracy of land change. Remote Sensing of Environment 148, 42–57. What accuracy "
    "needs, and areas with intervals.",
    "Ronneberger, O., Fischer, P., Brox, T. (2015): U-Net: convolutional networks for biomedical image segmentation. "
    "MICCAI 2015, LNCS 9351, 234–241. The network.",
    "Salehi, S. S. M., Erdogmus, D., Gholipour, A. (2017): Tversky loss function for image segmentation using 3D fully "
    "convolutional deep networks. MLMI 2017, LNCS 10541, 379–387. The loss.",
    "Silverman, B. W. (1986): Density estimation for statistics and data analysis. Chapman and Hall, London. The "
    "kernel of the densities.",
    "Tanyaş, H., Allstadt, K. E., van Westen, C. J. (2018): An updated method for estimating landslide-event "
    "magnitude. Earth Surface Processes and Landforms 43, 1836–1847. Magnitude mLS.",
)


def papers() -> Section:
    """A paragraph a paper, and what was taken from it."""
    return Section("Sources", _PAPERS)
