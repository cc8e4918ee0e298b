@_exported public import TensorFerryFormats
@_exported public import TensorFerryMapping
@_exported public import TensorFerryModels
@_exported public import TensorFerryOperators
@_exported public import TensorFerryParity
@_exported public import TensorFerryTensors
