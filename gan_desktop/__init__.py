"""GAN Desktop: a class trains one image GAN together."""

__version__ = "0.1.0"
