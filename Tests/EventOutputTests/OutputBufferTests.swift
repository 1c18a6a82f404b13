import EventOutput
import Foundation
import Glibc
import MetricsModel
import Terminal
import Testing

@Suite struct OutputBufferTests {
    private func pipe() -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        precondition(Glibc.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    /// What arrives within a second, or nothing.
    private func read(_ descriptor: Int32, _ most: Int = 1 << 16) -> String {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, 1000) == 1 else { return "" }
        var bytes = [UInt8](repeating: 0, count: most)
        let count = Glibc.read(descriptor, &bytes, most)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    @Test func theFirstLineGoesAtOnceAndTheOthersTogether() throws {
        let (reading, writing) = pipe()
        let writer = NDJSONWriter(into: OutputBuffer(fileDescriptor: writing))
        try writer.write(Sample.all[3])
        #expect(read(reading).hasPrefix("{\"id\":4,"))
        for _ in 0..<10 { try writer.write(Sample.all[3]) }
        #expect(read(reading) == "")
        try writer.flush()
        #expect(read(reading).split(separator: "\n").count == 10)
        close(reading)
        close(writing)
    }

    @Test func nothingIsLostWhenTheReaderIsSlow() throws {
        let (reading, writing) = pipe()
        // Short writes and EAGAIN: a small pipe that does not block.
        _ = fcntl(writing, 1031 /* F_SETPIPE_SZ */, 4096)
        _ = fcntl(writing, F_SETFL, O_NONBLOCK)
        // On a thread of its own: a task might wait for the task that waits for it.
        let reader = SlowReader(reading)
        let writer = NDJSONWriter(into: OutputBuffer(fileDescriptor: writing))
        let keeping = OutputBuffer(keepingForTerminal: false)
        let keeper = NDJSONWriter(into: keeping)
        for id in 1...20_000 {
            let event = Sample.event(
                .fetch, [Sample.text(Sample.bob), .absent, .number(3)], id: Int64(id))
            try writer.write(event)
            try keeper.write(event)
        }
        try writer.finish()
        close(writing)
        #expect(reader.all() == keeping.bytes)
        close(reading)
    }

    @Test func anEventLargerThanTheBufferPasses() throws {
        let text = String(repeating: "\u{1B}", count: 400_000)
        let line = try Sample.print(
            .ndjson, [Sample.event(.auth, [Sample.text(text), .flag(true)])])
        #expect(line.utf8.count > 2_400_000)
    }

    @Test func aReaderThatLeftIsNoFailure() throws {
        signal(SIGPIPE, SIG_IGN)
        let (reading, writing) = pipe()
        close(reading)
        let writer = CSVWriter(into: OutputBuffer(fileDescriptor: writing))
        #expect(throws: OutputError.readerGone) { try writer.write(Sample.all[0]) }
        close(writing)
        #expect(throws: OutputError.failed(errno: EBADF)) {
            try OutputFormat.json.writer(
                into: OutputBuffer(fileDescriptor: 9999),
                table: .init(usesColor: false, showsFullIdentities: true)
            ).finish()
        }
    }

    @Test func aPersonSeesEachLineAtOnce() throws {
        // What posix_openpt and its companions do, which Swift's Glibc does not expose: TIOCSPTLCK, TIOCGPTN.
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (lock, number): (CInt, CInt) = (0, 0)
        guard terminal >= 0, ioctl(terminal, 0x4004_5431, &lock) == 0,
            ioctl(terminal, 0x8004_5430, &number) == 0
        else {
            print("no terminal could be made here, so none was written to")
            return
        }
        let line = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        let output = OutputBuffer(fileDescriptor: line)
        #expect(output.isTerminal)
        let writer = NDJSONWriter(into: output)
        for id in [4, 5, 6] as [Int64] {
            var event = Sample.all[3]
            event.id = id
            try writer.write(event)
            #expect(read(terminal).contains("{\"id\":\(id),"))
        }
        close(line)
        close(terminal)
    }

    @Test(
        "Colour",
        arguments: [
            (.auto, true, [:], true), (.auto, false, [:], false),
            (.always, false, ["NO_COLOR": "1"], true),
            (.never, true, [:], false), (.auto, true, ["NO_COLOR": "1"], false),
            (.auto, true, ["NO_COLOR": ""], true), (.auto, true, ["TERM": "dumb"], false),
        ] as [(ColorChoice, Bool, [String: String], Bool)])
    func color(choice: ColorChoice, isTerminal: Bool, environment: [String: String], wanted: Bool) {
        #expect(choice.isWanted(isTerminal: isTerminal) { environment[$0] } == wanted)
    }
}

/// Reads a pipe in small bites, to its end.
private final class SlowReader: @unchecked Sendable {
    private var taken: [UInt8] = []
    private let isDone = DispatchSemaphore(value: 0)

    init(_ descriptor: Int32) {
        Thread { [self] in
            var bytes = [UInt8](repeating: 0, count: 1000)
            while true {
                let count = Glibc.read(descriptor, &bytes, 1000)
                if count <= 0 { break }
                taken += bytes.prefix(count)
            }
            isDone.signal()
        }.start()
    }

    func all() -> [UInt8] {
        isDone.wait()
        return taken
    }
}
