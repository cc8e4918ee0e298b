"""The version of this package, alone in a file so that it can be read without importing torch."""

VERSION = "0.1.0"
