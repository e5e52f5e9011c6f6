"""GAN Desktop: a class trains one image GAN together."""

__version__ = "0.2.0"
