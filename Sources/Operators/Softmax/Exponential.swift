#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

// The C libraries of Linux and of Apple's systems compute these to less than 1 unit of the last place.

/// e to the power of `value`.
func exponential(_ value: Float) -> Float { exp(value) }
/// e to the power of `value`.
func exponential(_ value: Double) -> Double { exp(value) }
/// e to the power of `value`, less 1, without cancellation.
func exponentialLessOne(_ value: Double) -> Double { expm1(value) }
