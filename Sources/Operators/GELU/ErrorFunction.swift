#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// `1 - erf(value)`, without cancellation where erf is near 1.
func complementaryErrorFunction(_ value: Float) -> Float { erfc(value) }
/// `1 - erf(value)`, without cancellation where erf is near 1.
func complementaryErrorFunction(_ value: Double) -> Double { erfc(value) }
