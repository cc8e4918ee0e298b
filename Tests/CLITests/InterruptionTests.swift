import Foundation
import TensorFerryTestSupport
import Testing

@Suite struct InterruptionTests {
  @Test(
    "a signal while a file is written leaves neither the file nor its beginning, and touches no source",
    arguments: ["h5", "safetensors", "pt", "npz", "gguf"], [("INT", 130), ("TERM", 143)])
  func signal(ending: String, signal: (name: String, status: Int)) throws {
    try withTemporaryDirectory { directory in
      let printed = try python(
        """
        import os, signal, subprocess, sys, time
        sys.path.insert(0, sys.argv[1])
        from conversion_memory import write_source
        # The threads that tests run on block every signal, and a process inherits that.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        folder, tool, ending, name = sys.argv[3], sys.argv[2], sys.argv[4], sys.argv[5]
        source = folder + "/s.safetensors"
        write_source(source, [3 << 30])
        before = os.stat(source)
        process = subprocess.Popen([tool, "convert", source, f"{folder}/o.{ending}"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        def size():
            return sum(os.stat(f"{folder}/{n}").st_blocks for n in os.listdir(folder) if n.startswith(".o.")) * 512
        while size() < 20_000_000 and process.poll() is None: time.sleep(0.002)
        assert process.poll() is None, "it was over before the signal"
        process.send_signal(getattr(signal, "SIG" + name))
        errors = process.stderr.read().decode()
        after = os.stat(source)
        same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        print(process.wait(), os.listdir(folder), same, errors.strip())
        """,
        [
          Project.root.appending(path: "Benchmarks").path, Project.command.path, directory.path, ending, signal.name,
        ])
      #expect(printed == "\(signal.status) ['s.safetensors'] True error: interrupted; nothing was written\n")
    }
  }

  @Test("an output that is replaced survives the signal")
  func replaced() throws {
    try withTemporaryDirectory { directory in
      let printed = try python(
        """
        import os, signal, subprocess, sys, time
        sys.path.insert(0, sys.argv[1])
        from conversion_memory import write_source
        # The threads that tests run on block every signal, and a process inherits that.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        folder, tool = sys.argv[3], sys.argv[2]
        write_source(folder + "/s.safetensors", [3 << 30])
        open(folder + "/o.npz", "w").write("before")
        process = subprocess.Popen([tool, "convert", folder + "/s.safetensors", folder + "/o.npz", "--force"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(os.listdir(folder)) == 2 and process.poll() is None: time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        print(process.wait(), open(folder + "/o.npz").read(), len(os.listdir(folder)))
        """,
        [Project.root.appending(path: "Benchmarks").path, Project.command.path, directory.path])
      #expect(printed == "130 before 2\n")
    }
  }

  @Test("a signal that was ignored, as nohup does it, stays ignored")
  func ignored() throws {
    try withTemporaryDirectory { directory in
      let printed = try python(
        """
        import os, signal, subprocess, sys, time
        sys.path.insert(0, sys.argv[1])
        from conversion_memory import write_source
        folder, tool = sys.argv[3], sys.argv[2]
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        write_source(folder + "/s.safetensors", [300 << 20])
        process = subprocess.Popen([tool, "convert", folder + "/s.safetensors", folder + "/o.npz"],
                                   stdout=subprocess.DEVNULL)
        while len(os.listdir(folder)) == 1 and process.poll() is None: time.sleep(0.002)
        process.send_signal(signal.SIGHUP)
        print(process.wait(), sorted(os.listdir(folder)))
        """,
        [Project.root.appending(path: "Benchmarks").path, Project.command.path, directory.path])
      #expect(printed == "0 ['o.npz', 's.safetensors']\n")
    }
  }
}
