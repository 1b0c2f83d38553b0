"""Generators of mammograms: StyleGAN2 with adaptive discriminator augmentation.

Written from the papers: Karras et al. 2018 (arXiv 1812.04948, the mapping network and style
mixing), 2019 (arXiv 1912.04958, modulated convolutions, path-length regularisation, lazy
regularisation) and 2020 (arXiv 2006.06676, adaptive discriminator augmentation).
"""
