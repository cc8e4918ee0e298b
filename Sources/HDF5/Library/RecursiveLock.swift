#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A lock that the thread which holds it may take again.
///
/// It must be recursive, because releasing a handle inside a locked call takes the lock a second time.
// Safe because the pointer never leaves this class.
@safe final class RecursiveLock: Sendable {
  // Safe because the mutex is made once, lives as long as this object, and is made for use by several threads.
  private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    // Safe because the memory is allocated here, initialised before its first use, and freed only in deinit.
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    var attributes = pthread_mutexattr_t()
    unsafe pthread_mutexattr_init(&attributes)
    #if canImport(Darwin)
      let recursive = PTHREAD_MUTEX_RECURSIVE
    #else
      let recursive = Int32(PTHREAD_MUTEX_RECURSIVE)
    #endif
    unsafe pthread_mutexattr_settype(&attributes, recursive)
    let status = unsafe pthread_mutex_init(mutex, &attributes)
    precondition(status == 0, "cannot make a recursive lock: error \(status)")
    unsafe pthread_mutexattr_destroy(&attributes)
  }

  deinit {
    // Safe because nobody holds an object that is being destroyed, so nobody waits for its mutex.
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  func withLock<Result: ~Copyable, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    // Safe because the mutex lives as long as `self`, which is held for this call.
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body()
  }
}
