import TensorFerryThreads
import Testing

@Suite struct BackgroundTaskTests {
  private struct Stop: Error, Equatable { let number: Int }

  @Test("the value of the work is handed over, as often as it is asked for")
  func value() throws {
    let task = BackgroundTask { (1...1000).reduce(0, +) }
    #expect(try task.value() == 500_500 && task.value() == 500_500)
  }

  @Test("what the work throws is thrown to whoever asks for its value")
  func failure() {
    let task = BackgroundTask<Int> { throw Stop(number: 7) }
    #expect(throws: Stop(number: 7)) { try task.value() }
  }

  @Test("work that nobody asks about is over when it is dropped")
  func dropped() {
    let count = Locked(0)
    for _ in 0..<20 { _ = BackgroundTask { count.withLock { $0 += 1 } } }
    #expect(count.withLock { $0 } == 20)
  }
}
