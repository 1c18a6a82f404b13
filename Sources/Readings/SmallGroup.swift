/// A number of people as it leaves the operator's own terminal, in metrics and on the status page: whoever collects those must
/// not learn that one certain person was there. `status`, `top`, `stats` and `count` give the number itself.
public enum SmallGroup {
    /// No number of people between 0 and this one is given.
    public static let smallest: UInt64 = 5

    /// 0, or `smallest` or more.
    public static func atLeast(_ people: UInt64) -> UInt64 { people == 0 ? 0 : max(people, smallest) }
}
