import Foundation
import TestSupport
import Testing

/// `verify` while servers die and start, and while commands take over and remove events.
@Suite struct RestartedVerifyTests {
    let place = DataPlace()

    @Test("verify finds no difference where none is, whatever comes and goes beside it")
    func restarts() throws {
        let first = try place.server(["RING_SIZE": "64KiB"])
        _ = try first.tally("drive threads=1 calls=500 seed=1 mix=message,auth,fetch,register")
        try first.shutDown()
        // It runs until the file `stop` exists; each line is an exit status, followed by the output if it is not 0.
        let (stop, printed) = (place.temporary("stop"), place.temporary("printed"))
        let loop = """
            while [ ! -e "$1" ]; do
                text="$("$2" verify --dir "$3" 2>&1)"; code=$?
                echo "exit $code"; [ $code = 0 ] || echo "$text"
            done >"$4"
            """
        let verifier = try ChildProcess(
            ["/bin/sh", "-c", loop, "sh", stop, BuiltProducts.commandLine, place.path, printed], errorFile: "/dev/null")
        for round in 0..<150 {
            let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "20ms"])
            _ = try host.tally("drive threads=2 calls=300 seed=\(round + 2) mix=message,auth,fetch,register")
            if round % 3 == 0 { try host.shutDown() } else { host.kill() }
            if round % 3 != 1 { _ = try place.tool.run("recover") }
            if round % 5 == 4 { _ = try place.tool.run("prune", "--max-size", "1MiB") }
        }
        try overwrite(stop, with: [])
        verifier.wait()
        let text = String(decoding: try read(printed), as: UTF8.self)
        let wrong = text.split(separator: "\n").filter { $0 != "exit 0" }.prefix(40).joined(separator: "\n")
        let looks = text.split(separator: "\n").filter { $0.hasPrefix("exit ") }
        #expect(looks.count > 10)
        #expect(looks.allSatisfy { $0 == "exit 0" }, "\(wrong)")
    }
}
