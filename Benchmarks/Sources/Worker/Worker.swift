#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Runs one piece of work again and again, when it is told to, and says how long each run took.
///
///     Worker WORK ARGUMENT...
///
/// It prepares the work and prints a line. Every line that it then reads is a number of runs; it carries them out and
/// prints their time in nanoseconds and the peak of the process's resident memory in bytes. It ends with its input. The
/// first line has the peak before anything was prepared and that of after it.
@main
enum Worker {
  static func main() {
    do {
      let start = peakMemory
      var words = Array(CommandLine.arguments.dropFirst())
      guard !words.isEmpty else { throw Refusal("usage: Worker WORK ARGUMENT...") }
      let kind = words.removeFirst()
      guard let prepare = works[kind] else {
        throw Refusal("there is no work '\(kind)'; there is \(works.keys.sorted().joined(separator: ", "))")
      }
      let work = try prepare(Arguments(words))
      say("\(start) \(peakMemory)")
      while let line = readLine() {
        guard let runs = Int(line), runs > 0 else { throw Refusal("'\(line)' is no number of runs") }
        let begin = nanoseconds
        for _ in 0..<runs { try work() }
        say("\(nanoseconds - begin) \(peakMemory)")
      }
    } catch {
      let text = Array("\(error)\n".utf8)
      write(STDERR_FILENO, text, text.count)
      exit(1)
    }
  }

  /// What can be asked for, by name: each prepares once and returns what is run.
  private static var works: [String: (Arguments) throws -> () throws -> Void] {
    [
      "read": readInput, "pooling": poolInput, "product": multiply, "folded": runFolded, "faithful": runFaithful,
      "list": list, "read-all": readAll, "oracle": runOracle, "verify": verify,
    ]
  }

  private static func say(_ line: String) {
    print(line)
    fflush(nil)
  }

  private static var nanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Of this program alone: `getrusage` on Linux begins with what its parent had.
  private static var peakMemory: Int {
    #if os(Linux)
      guard let status = fopen("/proc/self/status", "r") else { return 0 }
      defer { fclose(status) }
      var line = [CChar](repeating: 0, count: 256)
      while fgets(&line, Int32(line.count), status) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard text.hasPrefix("VmHWM:") else { continue }
        return (text.split { !$0.isNumber }.first.flatMap { Int($0) } ?? 0) << 10
      }
      return 0
    #else
      var usage = rusage()
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #endif
  }
}

/// Why nothing could be measured.
struct Refusal: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// The words behind the name of the work.
struct Arguments {
  let words: [String]

  init(_ words: [String]) { self.words = words }

  func text(_ index: Int) throws -> String {
    guard words.indices.contains(index) else { throw Refusal("argument \(index + 1) is missing") }
    return words[index]
  }

  /// A size, a whole number from 1 on.
  func size(_ index: Int) throws -> Int {
    let word = try text(index)
    guard let size = Int(word), size > 0 else { throw Refusal("'\(word)' is no size") }
    return size
  }
}
