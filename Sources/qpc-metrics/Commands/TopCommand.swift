import ArgumentParser
import Glibc
import LiveView
import MetricsMemory
import MetricsQuery
import Terminal

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows the server live in the terminal: rates, failures, sizes, durations, rings, drops, lag.",
        discussion: """
            Reads the counters of the running plugin once a second, without disturbing it. Continues across restarts of the \
            server. Keys: q quits, space pauses, left and right change the time span of the rates, up and down scroll, ? shows \
            help.

            The users with most failed logins and the busiest identities of the last hour come from the log, which is asked \
            every few seconds. They are pseudonyms unless the plugin logs names; --names FILE shows the names you know.

            EXAMPLES
              qpc-metrics top
              qpc-metrics top --names users.txt
              qpc-metrics top --once | mail -s "the server now" root
            """)

    @OptionGroup var directory: DirectoryOptions

    @OptionGroup var people: NamesOption
    @OptionGroup var operatorKey: OperatorKeyOption

    @Flag(name: [.customShort("b"), .long], help: "Print one screen, measured over one second, and exit; for a pipe.")
    var once = false

    @Option(help: ArgumentHelp("Whether to use colour.", valueName: "when"))
    var color: ColorChoice = .auto

    private static let secondMilliseconds = 1000

    func run() throws {
        let isColored = color.isWanted(isTerminal: isatty(STDOUT_FILENO) == 1, environment: Environment.value)
        let sampling = LiveSampling(source: directory.source)
        guard once || people.file != "-" else {
            throw Failure(
                Failure.usage, "--names - cannot be used with top: standard input is for keys; give a file, or use --once")
        }
        if once {
            try printOnce(sampling, isColored ? .color : .none)
        } else {
            let screen = try Screen()
            try requireSomething()
            try watch(sampling, screen, isColored ? .color : .weight, try names())
        }
    }

    /// A directory in which no plugin ever ran is more likely a typo than a server to wait for.
    private func requireSomething() throws {
        let source = directory.source
        guard try querying({ () throws(DataSourceError) in try source.live() }) == nil,
            try querying({ () throws(DataSourceError) in try source.log() }) == nil
        else { return }
        throw Failure(DataSourceError.nothingThere(directory: source.directory))
    }

    /// Nil without a list. Whether names can be shown is found out while there is a line for the reason.
    private func names() throws -> GrowingNames? {
        guard let names = try people.growing(directory: directory.path, operatorKey) else { return nil }
        if let log = try querying({ () throws(DataSourceError) in try directory.source.log() }) { _ = try names.names(log) }
        return names
    }

    private func printOnce(_ sampling: LiveSampling, _ palette: Palette) throws {
        try requireSomething()
        var history = LiveHistory()
        history.add(try querying { () throws(DataSourceError) in try sampling.sample() })
        usleep(UInt32(Self.secondMilliseconds) * 1000)
        history.add(try querying { () throws(DataSourceError) in try sampling.sample() })
        let columns = Environment.value("COLUMNS").flatMap { Int($0) } ?? 80
        var frame = LiveFrame(columns: max(20, columns), rows: .max, directory: VisibleText.escaped(directory.path))
        frame.window = 0
        frame.hasKeys = false
        // Without a list, the screen does not depend on the log.
        let names = try names()
        frame.people =
            names == nil
            ? try? PeopleWatch.people(in: directory.source, nil) : try PeopleWatch.people(in: directory.source, names)
        try StandardOutput.write(frame.lines(history, palette: palette).map { $0 + "\n" }.joined())
    }

    private func watch(
        _ sampling: LiveSampling, _ screen: Screen, _ palette: Palette, _ names: GrowingNames?
    ) throws {
        let signals = CaughtSignals()
        // Only now, so that its thread blocks the same signals.
        let people = PeopleWatch(directory.source, names: names)
        try people.start()
        screen.takeOver()
        var isTaken = true
        defer { if isTaken { screen.giveBack() } }
        var history = LiveHistory()
        var shown = history
        var frame = LiveFrame(columns: 0, rows: 0, directory: VisibleText.escaped(directory.path))
        var next: UInt64 = 0
        while true {
            let now = TickClock.monotonicNanoseconds()
            if now >= next {
                history.add(try querying { () throws(DataSourceError) in try sampling.sample() })
                // After being stopped, the program does not catch up.
                next = max(next + UInt64(Self.secondMilliseconds) * 1_000_000, now + 100_000_000)
            }
            if !frame.isPaused {
                shown = history
                frame.people = people.latest
            }
            (frame.columns, frame.rows) = TerminalSize.of()
            frame.scroll = min(frame.scroll, frame.scrollLimit(shown))
            screen.draw(frame.lines(shown, palette: palette))

            let rest = Int(clamping: Int64(next) - Int64(TickClock.monotonicNanoseconds())) / 1_000_000
            let hasInput = signals.waitForInput(milliseconds: max(1, rest + 1))
            if let ending = signals.takeEnding() {
                isTaken = false
                screen.giveBack()
                signals.obey(ending)
            }
            if signals.take(SIGTSTP) {
                screen.giveBack()
                signals.obey(SIGTSTP)
                screen.takeOver()
            }
            _ = signals.take(SIGWINCH)
            guard hasInput else { continue }
            let typed = screen.read()
            guard !typed.isEmpty else { return }
            for key in Key.keys(typed) {
                if case .quit = key { return }
                Self.press(key, &frame)
            }
        }
    }

    private static func press(_ key: Key, _ frame: inout LiveFrame) {
        switch key {
        case .quit: break
        case .pause: frame.isPaused.toggle()
        case .help:
            frame.showsHelp.toggle()
            frame.scroll = 0
        case .left: frame.window = max(0, frame.window - 1)
        case .right: frame.window = min(LiveFrame.windows.count - 1, frame.window + 1)
        case .up: frame.scroll = max(0, frame.scroll - 1)
        case .down: frame.scroll += 1
        }
    }
}
