import Glibc
import Terminal

/// The terminal, taken over for a full-screen display and restored afterwards.
struct Screen {
    private let original: termios
    private let output = OutputBuffer()
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    /// - Throws: `Failure` if there is no terminal to draw on.
    init() throws {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else {
            throw Failure(
                Failure.usage, "top needs a terminal, and standard input or output is not one; --once prints one screen")
        }
        let name = Environment.value("TERM") ?? ""
        guard name != "dumb", name != "" else {
            throw Failure(
                Failure.usage, "top cannot draw on a terminal with TERM=\(name); --once prints one screen without drawing")
        }
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw Failure(Failure.somethingWrong, "cannot read the terminal's settings: \(String(cString: strerror(errno)))")
        }
        original = settings
    }

    /// Keys arrive one by one, without echo; Ctrl-C and Ctrl-Z stay signals.
    func takeOver() {
        var raw = original
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
        write(Self.enter)
    }

    func giveBack() {
        write("\u{1B}[0m" + Self.leave)
        var settings = original
        tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }

    /// The whole screen in one write, so that it does not flicker.
    func draw(_ lines: [String]) {
        var text = "\u{1B}[?2026h\u{1B}[H"
        for (index, line) in lines.enumerated() { text += (index == 0 ? "" : "\r\n") + line + "\u{1B}[K" }
        write(text + "\u{1B}[J\u{1B}[?2026l")
    }

    /// What was typed; empty when the terminal has gone.
    func read() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }

    /// A terminal that has gone is noticed on the next read.
    private func write(_ text: String) { try? output.write(Array(text.utf8)) }
}
