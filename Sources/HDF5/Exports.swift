@_exported public import TensorFerryHDF5Reading
