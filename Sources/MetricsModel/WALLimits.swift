/// How large the log's WAL gets, in bytes. The plugin enforces it, and `status` says who is in the way.
public enum WALLimits {
    /// The size it is truncated to once it has been emptied. Above it, `status` names the reader. At most the least value of
    /// `held`.
    public static let kept = 32 << 20

    /// The size it grows to, plus one transaction, while a reader keeps it from being emptied: a quarter of the log's cap, from
    /// 64 MiB to 1 GiB.
    ///
    /// - Parameter maxLogBytes: nil for a log without a cap.
    public static func cap(maxLogBytes: UInt64?) -> Int {
        min(1 << 30, max(64 << 20, Int(clamping: (maxLogBytes ?? .max) / 4)))
    }

    /// A size it reaches only while a reader's transaction is in the way: from here on, standard error says so.
    public static func held(cap: Int) -> Int { min(64 << 20, cap / 2) }
}
