"""Datasets to try a network on, and new digits.

mnist         MNIST and Fashion-MNIST, from wherever they already lie on this machine
samples       a dataset in two parts, to train on and to test with
tables        makes numbers and classes of what any file holds
table_files   reads .npz, CSV and Parquet files, with the column to predict by name
download      gets a file that is known by its hash from the network
array_files   reads .npz and IDX files
digit_images  turns a picture of a digit into the 784 numbers that MNIST would have made of it
"""

from .digit_images import digit_from_image
from .mnist import load_fashion_mnist, load_mnist

__all__ = ["digit_from_image", "load_fashion_mnist", "load_mnist"]
