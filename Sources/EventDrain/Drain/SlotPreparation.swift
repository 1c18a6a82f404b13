import CMetricsLayout
import MetricsMemory

/// Keeps slots ready for threads to come, their memory faulted in, so that neither a thread's first call nor its
/// ring's first lap pays for that. In small steps: a flush never waits for more than one.
final class SlotPreparation {
    /// Slots that are free for the next threads.
    private static let spareSlots = 2
    /// Faulting in takes about a millisecond for each of these steps.
    private static let stepBytes = 2 << 20

    private let live: LiveFile
    /// Of each slot that is to be faulted in: how far that has come.
    private var progress: [(slot: Int, bytes: Int)] = []

    init(_ live: LiveFile) {
        self.live = live
        for index in 0..<live.options.initialSlots { progress.append((slot: index, bytes: 0)) }
    }

    /// What a ring's thread will write before the next tick or two, as far as the last tick tells.
    private var tails: [UInt64] = []

    /// Goes ahead of the threads that are writing, so that the kernel's writing back of pages costs this thread the
    /// faults, and not theirs. False where a store of theirs would have been a signal.
    func goAhead() -> Bool {
        let map = live.map
        var isSound = true
        for index in 0..<map.slotsReady where !map.isAbsent(index) {
            let tail = RingConsumer.tail(of: map.slot(index))
            while tails.count <= index { tails.append(tail) }
            guard tail > tails[index] else { continue }
            let written = Int(clamping: tail - tails[index])
            tails[index] = tail
            let bytes = min(map.ringBytes, max(64 << 10, 3 * written))
            isSound = live.populateRing(slot: index, position: tail, bytes: bytes) && isSound
        }
        return isSound
    }

    /// Nothing is left to fault in.
    var isPrepared: Bool { progress.isEmpty }

    /// One step of what is to do; the plugin's thread, between flushes. False where a store would have been a signal.
    func prepare() -> Bool {
        var isSound = true
        if let first = progress.first {
            let map = live.map
            let bytes = min(Self.stepBytes, map.slotStride - first.bytes)
            isSound = live.populate(offset: map.slot(first.slot) - map.base + first.bytes, bytes: bytes)
            progress[0].bytes += bytes
            if progress[0].bytes == map.slotStride { progress.removeFirst() }
        } else if live.freeSlots < Self.spareSlots {
            if let slot = live.makeSlot(owned: false) {
                progress.append((slot: (slot - live.map.slot(0)) / live.map.slotStride, bytes: 0))
            }
        }
        return isSound
    }
}
