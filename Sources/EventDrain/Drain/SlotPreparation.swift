import CMetricsLayout
import MetricsMemory

/// Keeps slots ready for new threads, with their memory faulted in, so that neither a thread's first call nor its ring's
/// first lap pays for that. Works in small steps: a flush never waits for more than one.
final class SlotPreparation {
    /// Free slots to keep for the next threads.
    private static let spareSlots = 2
    /// Each step of this size takes about a millisecond to fault in.
    private static let stepBytes = 2 << 20

    private let live: LiveFile
    /// For each slot that is to be faulted in, how far that has got.
    private var progress: [(slot: Int, bytes: Int)] = []

    init(_ live: LiveFile) {
        self.live = live
        for index in 0..<live.options.initialSlots { progress.append((slot: index, bytes: 0)) }
    }

    /// Each ring's tail at the last tick: how far it moves predicts what its thread writes in the next tick or two.
    private var tails: [UInt64] = []

    /// Keeps ahead of the threads that are writing, so that when the kernel writes pages back, this thread takes the faults
    /// and they do not. False if a store of theirs would have raised a signal.
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

    /// One step of the remaining work; on the plugin's thread, between flushes. False if a store would have raised a signal.
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
