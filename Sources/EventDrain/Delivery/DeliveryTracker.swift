import CMachine
import EventLog
import MetricsModel

/// Who has messages waiting, and since when: a message waits from its enqueue to the next fetch of its recipient and channel
/// that hands messages out. docs/DELIVERY.md says what is promised.
///
/// Works on what the rings hold, before anything is left out of the rows, and so under every setting. Recipients and channels
/// are hashes under a key that dies with the process. What is kept in the log (`WaitingTable`) is keyed by the recipient's
/// number there.
///
/// A queue belongs to one recipient and one channel. A recipient's first three queues have their own times; messages in
/// further channels, or without one, share a single queue, "the others".
///
/// Changes belong to the drain's transaction, and are undone with it. Used on the plugin's thread.
public final class DeliveryTracker {
    /// The most recipients that are tracked at a time.
    public static let recipientLimit = 65_536
    /// This many changed rows are written with any transaction...
    private static let changesPerCommit = 1024
    /// ...and more than that only after this many events.
    private static let eventsPerFlush = 1_000_000
    private static let others = 3

    /// A recipient with messages waiting.
    struct Recipient {
        let hash: UInt64
        /// The recipient's number in the log; 0 if it has none.
        var name: Int64
        /// The channels of the first three queues.
        var channels: InlineArray<3, UInt64> = .init(repeating: 0)
        /// Microseconds since 1970; 0 for an empty queue. The last queue is the others'.
        var since: InlineArray<4, Int64> = .init(repeating: 0)
        var messages: InlineArray<4, UInt32> = .init(repeating: 0)
        /// The transaction that last changed it.
        var transaction: UInt32 = 0
        var isChanged = false

        var isEmpty: Bool { since[0] == 0 && since[1] == 0 && since[2] == 0 && since[3] == 0 }

        var oldest: Int64 {
            var oldest = Int64.max
            for queue in 0..<4 where since[queue] != 0 && since[queue] < oldest { oldest = since[queue] }
            return oldest
        }

        var allMessages: UInt64 { (0..<4).reduce(into: 0) { $0 += UInt64(messages[$1]) } }

        mutating func clear(_ queue: Int) {
            since[queue] = 0
            messages[queue] = 0
        }

        mutating func add(_ count: UInt32, to queue: Int, at time: Int64) {
            if since[queue] == 0 || time < since[queue] { since[queue] = time }
            messages[queue] = messages[queue] &+ count
        }
    }

    /// The state before a transaction's change.
    private enum Undo {
        case absent(UInt64)
        case was(Recipient)
        case adopted(name: Int64, Waiting)
    }

    /// Indices into `recipients`, by open addressing: a recipient's place is where its hash leads, or after it; -1 for a free
    /// one. At least twice as many places as recipients.
    private var places: [Int32]
    private var recipients: [Recipient] = []
    private let seed: UInt64

    /// What an earlier process left in the log, by the recipient's number, until that recipient is seen.
    private var inherited: [Int64: Waiting]
    private var undo: [Undo] = []
    private var transaction: UInt32 = 1

    /// Changes that the log does not have yet.
    private var changed: [UInt64] = []
    private var removed: [Int64] = []
    private var eventsSinceFlush = 0
    private var hasFlushed = false
    /// Whether the log's table says nothing about these recipients.
    private var isOfAnotherLog = false

    private var oldestIsStale = false
    private var oldestKnown: Int64 = 0

    public init(inherited: [Int64: Waiting] = [:]) {
        self.inherited = inherited
        var seed: UInt64 = 0
        _ = getrandom(&seed, 8, 0)
        self.seed = seed | 1
        places = [Int32](repeating: -1, count: 256)
        oldestIsStale = true
    }

    // MARK: Gauges

    /// Recipients with messages waiting.
    public var count: Int { recipients.count + inherited.count }

    /// When the longest wait began: UTC, microseconds; 0 if nobody waits.
    public func oldest() -> Int64 {
        if oldestIsStale {
            var oldest = Int64.max
            for recipient in recipients { oldest = min(oldest, recipient.oldest) }
            for waiting in inherited.values { oldest = min(oldest, waiting.sinceMicroseconds) }
            oldestKnown = oldest == .max ? 0 : oldest
            oldestIsStale = false
        }
        return oldestKnown
    }

    // MARK: Events

    /// A message was enqueued.
    ///
    /// - Parameter name: the recipient's number in the log; 0 or negative if there is none.
    /// - Parameter time: UTC, microseconds.
    /// - Returns: whether the message is tracked; false if too many other recipients are.
    @inline(__always)
    func enqueued(_ recipient: UnsafeRawBufferPointer, _ channel: UnsafeRawBufferPointer, name: Int64, at time: Int64) -> Bool {
        eventsSinceFlush &+= 1
        guard recipient.count > 0 else { return true }
        let hash = hash(recipient)
        var index = Int(places[find(hash)])
        if index < 0 {
            guard let added = add(hash, name: name) else { return false }
            index = added
        } else {
            willChange(index)
        }
        use(name, for: index)
        let queue = channel.count == 0 ? Self.others : self.queue(of: index, for: self.hash(channel))
        recipients[index].add(1, to: queue, at: time)
        if oldestKnown == 0 || time < oldestKnown { oldestKnown = time }
        return true
    }

    /// A fetch was answered.
    ///
    /// - Parameter messages: how many it handed out.
    /// - Returns: how long the oldest of them had waited, in microseconds; nil if unknown.
    @inline(__always)
    func fetched(
        _ recipient: UnsafeRawBufferPointer, _ channel: UnsafeRawBufferPointer, messages: UInt64, name: Int64, at time: Int64
    ) -> UInt64? {
        eventsSinceFlush &+= 1
        guard recipient.count > 0 else { return nil }
        let hash = hash(recipient)
        var index = Int(places[find(hash)])
        if index < 0 {
            guard name > 0, !inherited.isEmpty, inherited[name] != nil, let added = add(hash, name: name) else { return nil }
            index = added
        } else {
            willChange(index)
        }
        use(name, for: index)
        let since = take(from: index, channel.count == 0 ? nil : self.hash(channel), handsOut: messages > 0)
        if recipients[index].isEmpty { remove(at: index) }
        oldestIsStale = true
        guard let since else { return nil }
        return time > since ? UInt64(time - since) : 0
    }

    /// Clears the queues that a fetch emptied.
    /// - Returns: when the wait of the oldest message that it handed out began.
    private func take(from index: Int, _ channel: UInt64?, handsOut: Bool) -> Int64? {
        guard let channel else {
            // A fetch without a channel covers all channels.
            let oldest = recipients[index].oldest
            if handsOut {
                for queue in 0..<4 { recipients[index].clear(queue) }
                return oldest == .max ? nil : oldest
            }
            recipients[index].clear(Self.others)
            return nil
        }
        for queue in 0..<3 where recipients[index].since[queue] != 0 && recipients[index].channels[queue] == channel {
            let since = recipients[index].since[queue]
            recipients[index].clear(queue)
            // An empty answer means that nothing waits there after all: the server refused the message or had it already.
            return handsOut ? since : nil
        }
        let since = recipients[index].since[Self.others]
        guard handsOut, since != 0 else { return nil }
        recipients[index].clear(Self.others)
        return since
    }

    private func queue(of index: Int, for channel: UInt64) -> Int {
        var free = Self.others
        for queue in 0..<3 {
            if recipients[index].since[queue] == 0 {
                if free == Self.others { free = queue }
            } else if recipients[index].channels[queue] == channel {
                return queue
            }
        }
        if free != Self.others { recipients[index].channels[free] = channel }
        return free
    }

    // MARK: The transaction

    func didCommit() {
        undo.removeAll(keepingCapacity: undo.count <= Self.changesPerCommit)
        transaction &+= 1
        guard hasFlushed else { return }
        hasFlushed = false
        isOfAnotherLog = false
        eventsSinceFlush = 0
        changed = []
        removed = []
    }

    func rollBack() {
        if hasFlushed {
            hasFlushed = false
            for hash in changed {
                let index = Int(places[find(hash)])
                if index >= 0 { recipients[index].isChanged = true }
            }
        }
        while let last = undo.popLast() {
            switch last {
            case .absent(let hash):
                let index = Int(places[find(hash)])
                if index >= 0 { erase(index) }
            case .was(var recipient):
                recipient.isChanged = true
                changed.append(recipient.hash)
                let index = Int(places[find(recipient.hash)])
                if index >= 0 { recipients[index] = recipient } else { append(recipient) }
            case .adopted(let name, let waiting):
                inherited[name] = waiting
                removed.removeAll { $0 == name }
            }
        }
        transaction &+= 1
        oldestIsStale = true
    }

    /// The changes to write with this transaction, which brings the log up to date; nil to put them off.
    ///
    /// - Parameter isLast: whether there may be no later transaction.
    func changes(isLast: Bool) -> WaitingChanges? {
        guard isLast || changed.count + removed.count <= Self.changesPerCommit || eventsSinceFlush >= Self.eventsPerFlush
        else { return nil }
        var changes = WaitingChanges(isAll: isOfAnotherLog, removed: removed)
        for hash in changed {
            let index = Int(places[find(hash)])
            guard index >= 0, recipients[index].isChanged else { continue }
            recipients[index].isChanged = false
            guard recipients[index].name > 0 else { continue }
            let recipient = recipients[index]
            changes.changed.append(
                Waiting(name: recipient.name, sinceMicroseconds: recipient.oldest, messages: recipient.allMessages))
        }
        hasFlushed = true
        return changes
    }

    /// Forgets waits that began before a time (UTC, microseconds), and recipients whose names have left the log. Outside a
    /// transaction.
    func forget(before time: Int64, names: [Int64] = []) {
        var index = recipients.count - 1
        while index >= 0 {
            let recipient = recipients[index]
            if recipient.oldest < time || names.contains(recipient.name) {
                mark(index)
                if names.contains(recipient.name) {
                    remove(at: index)
                } else {
                    for queue in 0..<4 where recipients[index].since[queue] < time { recipients[index].clear(queue) }
                    if recipients[index].isEmpty { remove(at: index) }
                }
            }
            index -= 1
        }
        let gone = inherited.values.filter { $0.sinceMicroseconds < time || names.contains($0.name) }
        for waiting in gone {
            inherited[waiting.name] = nil
            removed.append(waiting.name)
        }
        undo = []
        oldestIsStale = true
    }

    /// The key has changed: nobody will appear again under a number that an earlier process knew.
    func forgetInherited() {
        removed += inherited.keys
        inherited = [:]
        oldestIsStale = true
    }

    /// The numbers belong to another log.
    func forgetNames() {
        for index in recipients.indices {
            recipients[index].name = 0
            mark(index)
        }
        removed = []
        inherited = [:]
        isOfAnotherLog = true
        oldestIsStale = true
    }

    // MARK: The table

    private func willChange(_ index: Int) {
        guard recipients[index].transaction != transaction else { return }
        undo.append(.was(recipients[index]))
        recipients[index].transaction = transaction
        mark(index)
    }

    private func mark(_ index: Int) {
        guard !recipients[index].isChanged else { return }
        recipients[index].isChanged = true
        changed.append(recipients[index].hash)
    }

    /// Pseudonyms change with the key.
    private func use(_ name: Int64, for index: Int) {
        guard name > 0, recipients[index].name != name else { return }
        if recipients[index].name > 0 { removed.append(recipients[index].name) }
        recipients[index].name = name
    }

    private func add(_ hash: UInt64, name: Int64) -> Int? {
        let before = name > 0 && !inherited.isEmpty ? inherited[name] : nil
        guard before != nil || count < Self.recipientLimit else { return nil }
        undo.append(.absent(hash))
        var recipient = Recipient(hash: hash, name: max(0, name))
        recipient.transaction = transaction
        if let before {
            undo.append(.adopted(name: name, before))
            inherited[name] = nil
            recipient.add(UInt32(clamping: before.messages), to: Self.others, at: before.sinceMicroseconds)
        }
        let index = append(recipient)
        mark(index)
        return index
    }

    private func remove(at index: Int) {
        if recipients[index].name > 0 { removed.append(recipients[index].name) }
        erase(index)
    }

    @discardableResult
    private func append(_ recipient: Recipient) -> Int {
        if recipients.count * 2 >= places.count { grow() }
        places[find(recipient.hash)] = Int32(recipients.count)
        recipients.append(recipient)
        return recipients.count - 1
    }

    private func grow() {
        places = [Int32](repeating: -1, count: places.count * 2)
        for index in recipients.indices { places[find(recipients[index].hash)] = Int32(index) }
    }

    /// Closes the gap in the probe sequence, and moves the last recipient to this one's index.
    private func erase(_ index: Int) {
        var gap = find(recipients[index].hash)
        let mask = places.count - 1
        var next = (gap + 1) & mask
        while places[next] >= 0 {
            let home = self.home(recipients[Int(places[next])].hash)
            if (next - home) & mask >= (next - gap) & mask {
                places[gap] = places[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        places[gap] = -1
        let last = recipients.count - 1
        if index != last {
            places[find(recipients[last].hash)] = Int32(index)
            recipients[index] = recipients[last]
        }
        recipients.removeLast()
    }

    @inline(__always)
    private func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 20) & (places.count - 1) }

    /// The place of the recipient with this hash, or where it would go.
    @inline(__always)
    private func find(_ hash: UInt64) -> Int {
        var place = home(hash)
        while places[place] >= 0, recipients[Int(places[place])].hash != hash { place = (place + 1) & (places.count - 1) }
        return place
    }

    @inline(__always)
    private func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 { KeyedHash.of(bytes, seed: seed) }
}
