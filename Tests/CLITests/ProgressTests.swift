import Foundation
import TensorFerryTestSupport
import Testing

@Suite struct ProgressTests {
  /// Converts a file of 200 MB with a terminal of Python's `pty` as its standard error stream.
  private func onTerminal(_ arguments: [String], term: String = "xterm") throws -> String {
    try withTemporaryDirectory { directory in
      try python(
        """
        import os, pty, subprocess, sys, threading, json
        sys.path.insert(0, sys.argv[1])
        from conversion_memory import write_source
        source, output = sys.argv[3] + "/s.safetensors", sys.argv[3] + "/o.safetensors"
        write_source(source, [100_000_000, 100_000_000])
        master, slave = pty.openpty()
        process = subprocess.Popen([sys.argv[2], "convert", source, output] + sys.argv[5:], stderr=slave,
                                   stdout=subprocess.PIPE, env={**os.environ, "TERM": sys.argv[4]})
        os.close(slave)
        seen = b""
        while True:
            try: part = os.read(master, 65536)
            except OSError: break
            if not part: break
            seen += part
        printed = process.stdout.read().decode()
        assert process.wait() == 0 and printed.startswith("read ") and "\\x1b" not in printed, printed
        print(json.dumps(seen.decode()))
        """,
        [
          Project.root.appending(path: "Benchmarks").path, Project.command.path, directory.path, term,
        ] + arguments)
    }
  }

  @Test("a terminal sees bytes, rate and both phases on one line, which is erased at the end")
  func terminal() throws {
    let seen = try onTerminal([])
    #expect(seen.contains("writing   0 %  0.0 MB of 200.0 MB") && seen.contains("verifying 0 %"), "\(seen)")
    #expect(seen.contains("MB/s"), "\(seen)")
    #expect(seen.hasSuffix(#"\r\u001b[K""# + "\n") && !seen.contains(#"\n"#), "\(seen)")
    // Erasing is the only sequence: there is no colour.
    #expect(seen.components(separatedBy: #"\u001b"#).count == seen.components(separatedBy: #"\u001b[K"#).count)
  }

  @Test("nothing is drawn with --quiet, or on a terminal that cannot draw over a line")
  func quiet() throws {
    #expect(try onTerminal(["--quiet"]) == "\"\"\n")
    #expect(try onTerminal([], term: "dumb") == "\"\"\n")
  }

  @Test("nothing is drawn where standard error is a file")
  func file() throws {
    try withTemporaryDirectory { directory in
      let checkpoint = Project.fixture("models/attention-classifier/positions/checkpoint.pt").path
      let ran = try tensorferry("convert", checkpoint, directory.appending(path: "x.h5").path)
      #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran.errors)")
    }
  }
}
