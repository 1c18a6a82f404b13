import CMachine
import MetricsModel
import Pseudonyms

/// Turns users, keys, channels and reasons into the log's small numbers, and manages the keys that make pseudonyms of them.
extension EventLogWriter {
    // MARK: Epochs, between transactions

    /// The epoch in which rows are written now. Without pseudonyms, rows that follow an epoch whose key still exists get an epoch
    /// of their own, so that the key can be deleted once its rows are gone.
    var epochOfNow: Int64 {
        if mode == .pseudonym { return keys?.newest.number ?? epochs.newest }
        guard let keys, keys.has(epochs.newest) else { return epochs.newest }
        return epochs.newest + 1
    }

    /// The newest epoch that the log has, or had, rows of; 0 for none.
    public var newestEpoch: Int64 { epochs.newest }

    /// Switches to other keys. Known names are looked up again, since they now have other pseudonyms.
    public func use(_ keys: IdentityKeys?) {
        let isSame = keys.map { $0.newest.number } == self.keys.map { $0.newest.number }
        self.keys = keys
        if !isSame { names.forgetForms() }
    }

    /// Switches to other settings: for events that a dead server recorded under them.
    public func use(mode: IdentityMode, pairs: Bool, keepsRows: Bool) {
        if mode != self.mode { names.forgetForms() }
        self.mode = mode
        self.pairs = pairs
        self.keepsRows = keepsRows
    }

    /// The epochs whose keys nothing in the log needs any longer.
    public func spentEpochs() throws(LogError) -> [Int64] {
        guard let keys else { return [] }
        return try epochs.spent(of: keys, current: mode == .pseudonym ? keys.newest.number : 0)
    }

    /// - Parameter destroyed: epochs whose key is gone, which may never have had a row.
    public func removeEmptyEpochs(and destroyed: [Int64] = []) throws(LogError) {
        var empty = try epochs.empty(keeping: keys)
        // No number is used twice: the key in use has a larger one.
        if let newest = keys?.newest.number {
            for number in destroyed where number < newest && number != epochs.newest && !empty.contains(number) {
                empty.append(number)
            }
        }
        guard !empty.isEmpty else { return }
        try change { () throws(LogError) in try epochs.remove(empty) }
        try epochs.load()
    }

    // MARK: Names

    @inline(__always)
    func identity(_ bytes: UnsafeRawBufferPointer, _ step: Int64) throws(LogError) -> Int64 {
        try name(bytes, in: names.identities, plainForm: .blob, step: step)
    }

    @inline(__always)
    func channel(_ bytes: UnsafeRawBufferPointer) throws(LogError) -> Int64 {
        try name(bytes, in: names.channels, plainForm: .blob, step: 0)
    }

    @inline(__always)
    func user(_ bytes: UnsafeRawBufferPointer) throws(LogError) -> Int64 {
        try name(bytes, in: names.users, plainForm: .text, step: 0)
    }

    @inline(__always)
    private func name(
        _ bytes: UnsafeRawBufferPointer, in table: NameDictionary, plainForm: NameDictionary.Form, step: Int64
    ) throws(LogError) -> Int64 {
        if bytes.count == 0 || mode == .none { return RowBatch.null }
        let hash = table.hash(bytes)
        let known = try table.lookUp(hash, step: step, activity: &activity)
        if known != 0 { return known }
        return try newName(bytes, hash: hash, in: table, plainForm: plainForm, step: step)
    }

    private func newName(
        _ bytes: UnsafeRawBufferPointer, hash: NameHash, in table: NameDictionary, plainForm: NameDictionary.Form,
        step: Int64
    ) throws(LogError) -> Int64 {
        if mode == .pseudonym {
            guard let keys, let key = keys.newest.key else { return RowBatch.null }
            return try table.resolve(
                bytes, hash: hash, stored: key.pseudonym(of: bytes), form: .blob, step: step,
                older: table.hasActivity ? keys : nil, activity: &activity)
        }
        let stored = plainForm == .text ? TextRepair.utf8(bytes) : [UInt8](bytes)
        return try table.resolve(bytes, hash: hash, stored: stored, form: plainForm, step: step, activity: &activity)
    }

    func reason(
        _ bytes: UnsafeRawBufferPointer, user: UnsafeRawBufferPointer
    ) throws(LogError) -> Int64 {
        if bytes.count == 0 { return RowBatch.null }
        if mode != .plain,
            let cleaned = ReasonRedaction.removing(user, from: bytes, isCut: bytes.count >= Self.reasonBytes)
        {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: cleaned.count, alignment: 8)
            defer { copy.deallocate() }
            copy.copyBytes(from: cleaned)
            return try reason(UnsafeRawBufferPointer(copy))
        }
        return try reason(bytes)
    }

    private func reason(_ bytes: UnsafeRawBufferPointer) throws(LogError) -> Int64 {
        let hash = names.reasons.hash(bytes)
        let known = try names.reasons.lookUp(hash, step: 0, activity: &activity)
        if known != 0 { return known }
        var stored = TextRepair.utf8(bytes, atMost: Self.reasonBytes)
        if names.reasons.isFull {
            let isKept = try names.reasons.has(stored, form: .text)
            if !isKept { stored = Array("other".utf8) }
        }
        return try names.reasons.resolve(
            bytes, hash: hash, stored: stored, form: .text, step: 0, activity: &activity)
    }
}
