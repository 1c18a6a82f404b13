import TimeWords

/// How a table looks.
public struct TableOptions: Sendable {
    public var usesColor: Bool
    /// Whether identities, channels and pseudonyms are shown in full, and not only their first 12
    /// digits.
    public var showsFullIdentities: Bool
    /// The zone of the printed times.
    public var zone: ClockZone

    public init(usesColor: Bool, showsFullIdentities: Bool, zone: ClockZone = .local) {
        self.usesColor = usesColor
        self.showsFullIdentities = showsFullIdentities
        self.zone = zone
    }

    /// What fits the output: on a terminal short identities, so that a line fits; elsewhere full
    /// ones, so that what is cut out of it can be searched for.
    public init(
        for output: OutputBuffer, color: ColorChoice, environment: (String) -> String?
    ) {
        self.init(
            usesColor: color.isWanted(isTerminal: output.isTerminal, environment: environment),
            showsFullIdentities: !output.isTerminal)
    }
}
