import Terminal

/// Who stands out in the log's last hour, and how large its messages and how long its waits were.
public struct LivePeople: Sendable {
    public struct Person: Sendable {
        /// As the log's readers show it: a pseudonym, a name or a key.
        public var shown: [UInt8]
        /// The person's name, if it is known.
        public var name: [UInt8]?
        public var events: UInt64

        public init(shown: [UInt8], name: [UInt8]? = nil, events: UInt64) {
            self.shown = shown
            self.name = name
            self.events = events
        }
    }

    /// The users with most failed logins, and the identities with most events; the first ones of each, most first.
    public var failing: [Person] = []
    public var busiest: [Person] = []
    /// Nil if the log does not say.
    public var percentiles: LivePercentiles?

    public init() {}
}

extension LiveFrame {
    private static let countEnd = 8
    private static let nameLimit = 32
    /// From here on, both lists are beside each other.
    private static let columnsForTwo = 96

    /// Users with failed logins and busy identities; empty until the log has been asked.
    func standouts() -> [FrameLine] {
        guard let people else { return [] }
        let width = columns >= Self.columnsForTwo ? columns / 2 : columns
        let failing = list("FAILED LOGINS BY USER, LAST HOUR", people.failing, width: width, isBad: true)
        let busiest = list("BUSIEST IDENTITIES, LAST HOUR", people.busiest, width: width, isBad: false)
        guard width < columns else { return failing + busiest }
        return (0..<max(failing.count, busiest.count)).map { index in
            var line = index < failing.count ? failing[index] : FrameLine()
            guard index < busiest.count else { return line }
            line.pad(to: width)
            line.add(busiest[index])
            return line
        }
    }

    private func list(_ heading: String, _ people: [LivePeople.Person], width: Int, isBad: Bool) -> [FrameLine] {
        guard !people.isEmpty else { return [FrameLine(heading, .heading), FrameLine("    none", .dim)] }
        return [FrameLine(heading, .heading)]
            + people.map { person in
                var line = FrameLine()
                line.add(Quantity.short(Double(person.events)), endingAt: Self.countEnd, isBad ? .bad : .plain)
                line.add("  ")
                var left = width - line.columns - 2
                add(Cell(identity: person.shown, isFull: false), to: &line, &left)
                // " (…)" is the shortest.
                if let name = person.name, name != person.shown, left >= 4 {
                    var cell = Cell(" (")
                    cell.append(Cell(escaping: name, limit: min(Self.nameLimit, left - 3)))
                    cell.append(")")
                    add(cell, to: &line, &left)
                }
                return line
            }
    }

    /// Adds a cell if it fits: its text may have characters that take two columns, so it cannot be cut like others.
    private func add(_ cell: Cell, to line: inout FrameLine, _ left: inout Int) {
        guard cell.columns <= left else { return }
        line.add(String(decoding: cell.bytes, as: UTF8.self), columns: cell.columns)
        left -= cell.columns
    }
}
