import CMachine
import CMetricsLayout
import MetricsModel
import Synchronization

/// `live.qpcm` as its writer sees it: created at startup, and held by the plugin until `destroy`.
public final class LiveFile: Sendable {
    public struct Options: Sendable {
        public var settings: Settings
        public var initialSlots: Int
        /// QPCM_CLOCK_*.
        public var clock: UInt64
        public var session: (UInt64, UInt64)
        /// When the counters began; 0 if unknown.
        public var createdNanoseconds: UInt64
        /// An absolute path; nil for the data directory.
        public var liveDirectory: String?

        public init(
            settings: Settings, initialSlots: Int, clock: UInt64, session: (UInt64, UInt64), createdNanoseconds: UInt64 = 0,
            liveDirectory: String? = nil
        ) {
            self.liveDirectory = liveDirectory
            self.settings = settings
            self.initialSlots = initialSlots
            self.clock = clock
            self.session = session
            self.createdNanoseconds = createdNanoseconds
        }
    }

    private let file: MappedFile
    private let place: LivePlace
    /// A file of the data directory, to check its file system with; -1 if the live file itself is there.
    private let homeDescriptor: Int32
    public let map: LiveMap
    public let options: Options
    private let detached = Atomic<Bool>(false)
    /// How many slots there may be.
    private let slotLimit = Atomic<Int>(Int(QPCM_SLOT_LIMIT))

    /// Creates the file under a temporary name, complete, then renames it to `live.qpcm` in one step: a reader sees the old
    /// session or the new one, never half of one.
    ///
    /// - Parameter ringed: the totals of all earlier sessions as the log knows them.
    /// - Parameter direct: those that only a live file knows.
    /// - Throws: `MemoryError`; a full disk throws here, and never raises a signal later.
    public convenience init(
        directory: String, options: Options, ringed: [UInt64], direct: [UInt64]
    ) throws(MemoryError) {
        let before = LivePlace.find(in: directory)
        let place = LivePlace.make(in: options.liveDirectory, for: directory)
        let path = place.path
        // Elsewhere nobody knows the name until it is published.
        let temporary = place.isElsewhere ? path : path + ".new"
        _ = unlink(temporary)
        let descriptor = qpcm_open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else {
            throw MemoryError(operation: "make", path: temporary, code: qpcm_errno())
        }
        _ = fchmod(descriptor, 0o640)  // whatever the umask

        let slotStride = QPCM_SLOT_RING + options.settings.ringBytes
        let reserved = QPCM_SLOTS + QPCM_SLOT_LIMIT * slotStride
        self.init(
            try MappedFile(owning: descriptor, path: temporary, reservedBytes: reserved, writable: true),
            slotStride: slotStride, options: options, place: place,
            homeDescriptor: try place.writePointer())

        let bytes = QPCM_SLOTS + options.initialSlots * slotStride
        let code = file.allocate(offset: 0, bytes: bytes)
        guard code == 0 else {
            _ = unlink(temporary)
            throw MemoryError(operation: "allocate \(bytes) bytes for", path: temporary, code: code)
        }
        fillHeader()
        let base = map.base
        do { try place.mark(base) } catch {
            _ = unlink(temporary)
            throw error
        }
        let baseCounters = base + QPCM_BASE_COUNTERS
        for index in 0..<CounterIndex.words {
            CounterBlock(at: baseCounters).store(ringed[index], to: index)
            CounterBlock(at: baseCounters + QPCM_DIRECT_BYTES).store(direct[index], to: index)
        }
        // Readers derive these from the dropped ones: see LiveMap.addTotals.
        for kind in EventKind.allCases {
            CounterBlock(at: baseCounters + QPCM_DIRECT_BYTES).store(0, to: CounterIndex.events(kind))
        }
        base.storeBytes(of: map.initCheck, toByteOffset: QPCM_HEADER_INIT_CHECK, as: UInt64.self)
        for index in 0..<options.initialSlots { open(slot: index, state: UInt64(QPCM_SLOT_FREE)) }
        AtomicWord.storeRelaxed(base, QPCM_HEADER_SLOTS_RESERVED, UInt64(options.initialSlots))
        AtomicWord.storeReleasing(base, QPCM_HEADER_SLOTS_READY, UInt64(options.initialSlots))
        // Pairs with the acquiring load in LiveFileReader: a reader that sees the magic sees a whole header.
        AtomicWord.storeReleasing(base, 0, QPCM_LIVE_MAGIC)
        if place.isElsewhere {
            do { try place.publish() } catch {
                _ = unlink(temporary)
                throw error
            }
        } else if rename(temporary, path) != 0 {
            let code = qpcm_errno()
            _ = unlink(temporary)
            throw MemoryError(operation: "rename \(temporary) to", path: path, code: code)
        }
        place.removeOthers(before)
    }

    private init(
        _ file: consuming MappedFile, slotStride: Int, options: Options, place: LivePlace, homeDescriptor: Int32
    ) {
        self.place = place
        self.homeDescriptor = homeDescriptor
        map = LiveMap(
            base: file.base, ringBytes: options.settings.ringBytes, slotStride: slotStride,
            reachableSlots: QPCM_SLOT_LIMIT)
        self.file = file
        self.options = options
    }

    deinit { if homeDescriptor >= 0 { _ = close(homeDescriptor) } }

    private func fillHeader() {
        let settings = options.settings
        let header = map.base.assumingMemoryBound(to: qpcm_header.self)
        // SAFETY: nobody else has the file yet; the atomic words of the header are stored apart from these.
        header.pointee.version = UInt32(Version.live)
        header.pointee.header_bytes = UInt32(QPCM_SLOTS)
        header.pointee.slot_limit = UInt32(QPCM_SLOT_LIMIT)
        header.pointee.counter_words = UInt32(QPCM_COUNTER_WORDS)
        header.pointee.ring_bytes = UInt64(map.ringBytes)
        header.pointee.slot_stride = UInt64(map.slotStride)
        header.pointee.session = options.session
        header.pointee.pid = UInt64(getpid())
        header.pointee.start_ns = TickClock.realtimeNanoseconds()
        header.pointee.clock = options.clock
        header.pointee.identities = settings.identities.rawValue
        header.pointee.flush_interval_ns = settings.flushIntervalNanoseconds
        header.pointee.pairs = settings.pairs ? 0 : 1
        header.pointee.key_rotation_ns = settings.keyRotationNanoseconds ?? 0
        header.pointee.retention_ns = settings.retentionNanoseconds ?? 0
        header.pointee.max_bytes = settings.maxLogBytes ?? 0
        header.pointee.created_ns = options.createdNanoseconds
        header.pointee.log_off = settings.keepsRows ? 0 : 1
        header.pointee.keys_sealed = settings.sealsKeys ? 1 : 0
        header.pointee.message_hook_off = settings.messageHook ? 0 : 1
        withUnsafeMutableBytes(of: &header.pointee.boot_id) { BootID.read(into: $0) }
        withUnsafeMutableBytes(of: &header.pointee.plugin_version) { target in
            for (index, byte) in Version.current.utf8.prefix(15).enumerated() { target[index] = byte }
        }
    }

    private func open(slot index: Int, state: UInt64) {
        let slot = map.slot(index)
        slot.storeBytes(
            of: UInt64(map.ringBytes) - 1, toByteOffset: QPCM_SLOT_MASK, as: UInt64.self)
        // Pairs with the acquiring loads of the state: a slot seen as free has its mask.
        AtomicWord.storeReleasing(slot, 0, state)
    }

    // MARK: Slots, any thread

    /// A free slot, now the caller's, or nil if none is free. Prefers one whose ring is nearly empty: an ended thread may
    /// have left its ring full.
    public func takeFreeSlot() -> UnsafeMutableRawPointer? {
        takeFreeSlot(withAtMost: UInt64(map.ringBytes) / 4) ?? takeFreeSlot(withAtMost: .max)
    }

    private func takeFreeSlot(withAtMost bytes: UInt64) -> UnsafeMutableRawPointer? {
        for index in 0..<map.slotsReady {
            let slot = map.slot(index)
            guard RingConsumer.tail(of: slot) &- RingConsumer.head(of: slot) <= bytes else { continue }
            // Acquiring: the next owner sees what the slot's last owner stored, its tail above all.
            if AtomicWord.loadRelaxed(slot, 0) == UInt64(QPCM_SLOT_FREE),
                AtomicWord.exchange(
                    slot, 0, expected: UInt64(QPCM_SLOT_FREE),
                    desired: UInt64(QPCM_SLOT_OWNED))
            {
                return slot
            }
        }
        return nil
    }

    /// Gives a slot back with its counts and whatever waits in its ring. The owner must not use it afterwards.
    public func giveBack(_ slot: UnsafeMutableRawPointer) {
        AtomicWord.storeReleasing(slot, 0, UInt64(QPCM_SLOT_FREE))
    }

    /// Whether the slot lies in this file's mapping.
    public func contains(_ slot: UnsafeMutableRawPointer) -> Bool {
        slot >= map.base && slot < map.base + file.reservedBytes
    }

    /// Adds one slot at the end of the file; nil at the limit, or when the disk is full. Makes system calls.
    ///
    /// - Parameter owned: whether it belongs to the caller at once; otherwise it is free for any thread.
    public func makeSlot(owned: Bool) -> UnsafeMutableRawPointer? {
        let base = map.base
        // Looked at before the counter, which then does not grow at the limit.
        guard AtomicWord.loadRelaxed(base, QPCM_HEADER_SLOTS_RESERVED) < UInt64(slotLimit.load(ordering: .relaxed)) else {
            return nil
        }
        let index = Int(AtomicWord.add(base, QPCM_HEADER_SLOTS_RESERVED, 1))
        let isInMemory = isDetached
        // Acquiring: who finds room after a detachment finds memory there, which no other slot's page is replaced under.
        let isThere =
            index < slotLimit.load(ordering: .acquiring)
            && (isInMemory || file.allocate(offset: QPCM_SLOTS + index * map.slotStride, bytes: map.slotStride) == 0)
        guard isThere else {
            // Undone if nobody reserved a later one; otherwise a hole stays, which readers skip.
            _ = AtomicWord.exchange(
                base, QPCM_HEADER_SLOTS_RESERVED, expected: UInt64(index) + 1,
                desired: UInt64(index))
            return nil
        }
        open(slot: index, state: UInt64(owned ? QPCM_SLOT_OWNED : QPCM_SLOT_FREE))
        var ready = AtomicWord.loadRelaxed(base, QPCM_HEADER_SLOTS_READY)
        while ready < UInt64(index) + 1 {
            // Releasing: pairs with slotsReady.
            if AtomicWord.exchange(
                base, QPCM_HEADER_SLOTS_READY, expected: ready, desired: UInt64(index) + 1)
            {
                break
            }
            ready = AtomicWord.loadRelaxed(base, QPCM_HEADER_SLOTS_READY)
        }
        return map.slot(index)
    }

    // MARK: Memory

    /// Faults in a part of the file before it is used. False if a store would have raised a signal.
    public func populate(offset: Int, bytes: Int) -> Bool { isSound(file.populate(offset: offset, bytes: bytes)) }

    /// Faults in the header and, for each initial slot, the counters and the beginning of the ring: what a thread's first
    /// calls touch. The rest is left to the plugin's thread. False if a store would have raised a signal.
    public func populateStarts() -> Bool {
        var isSound = populate(offset: 0, bytes: QPCM_SLOTS)
        for index in 0..<options.initialSlots {
            let bytes = min(QPCM_SLOT_RING + 128 << 10, map.slotStride)
            isSound = populate(offset: QPCM_SLOTS + index * map.slotStride, bytes: bytes) && isSound
        }
        return isSound
    }

    /// Makes a part of a slot's ring, from a position on, writable without a fault: the kernel write-protects each page that
    /// it writes back to the disk, and lifts that at the next store, which would be a hook's. False if such a store would
    /// have raised a signal.
    public func populateRing(slot index: Int, position: UInt64, bytes: Int) -> Bool {
        let ring = map.slot(index) - map.base + QPCM_SLOT_RING
        let from = Int(position & UInt64(map.ringBytes - 1))
        let first = min(bytes, map.ringBytes - from)
        guard isSound(file.populateInUse(offset: ring + from, bytes: first)) else { return false }
        return first == bytes || isSound(file.populateInUse(offset: ring, bytes: min(bytes - first, from)))
    }

    /// Ignores every error but the two that mean a store would raise SIGBUS.
    private func isSound(_ code: Int32) -> Bool { code != EFAULT && code != EHWPOISON }

    /// Makes everything in the file so far safe from a power cut. Blocks.
    public func sync() { _ = fsync(file.descriptor) }

    /// Whether the file system still accepts stores. Three system calls.
    public func takesStores() -> Bool { file.takesStores() }

    /// The same for the data directory's file system, if that is another one.
    public func homeTakesStores() -> Bool { homeDescriptor < 0 || MappedFile.takesStores(homeDescriptor) }

    /// Whether it is not in the data directory.
    public var isElsewhere: Bool { place.isElsewhere }

    /// After a shutdown, nothing waits in the rings any more: the header and the counters move into the data directory, where
    /// they outlive the machine. Rings are left out, as holes. If it fails, the file stays where it is. Call last.
    public func bringHome(to directory: String) {
        guard place.isElsewhere, !isDetached, map.word(QPCM_HEADER_STATE) == UInt64(QPCM_STATE_STOPPED) else { return }
        let slots = map.slotsReady
        for index in 0..<slots {
            let slot = map.slot(index)
            guard RingConsumer.tail(of: slot) == RingConsumer.head(of: slot) else { return }
        }
        let path = DataFile.live.path(in: directory)
        let temporary = path + ".new"
        _ = unlink(temporary)
        let descriptor = qpcm_open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        _ = fchmod(descriptor, 0o640)
        func copy(_ from: Int, _ bytes: Int, to offset: Int) -> Bool {
            pwrite(descriptor, map.base + from, bytes, offset) == bytes
        }
        var isWhole = ftruncate(descriptor, QPCM_SLOTS + slots * map.slotStride) == 0 && copy(0, QPCM_SLOTS, to: 0)
        // It belongs to the directory that it is in.
        let nobody: InlineArray<4, UInt64> = .init(repeating: 0)
        isWhole = isWhole && withUnsafeBytes(of: nobody) { pwrite(descriptor, $0.baseAddress, 32, QPCM_HEADER_HOME_ID) == 32 }
        for index in 0..<slots {
            let offset = QPCM_SLOTS + index * map.slotStride
            isWhole = isWhole && copy(offset, QPCM_SLOT_RING, to: offset)
        }
        guard isWhole, fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            _ = unlink(temporary)
            return
        }
        place.forget()
        _ = unlink(place.path)
    }

    /// Whether the plugin has moved to memory of its own, which no other process sees.
    public var isDetached: Bool { detached.load(ordering: .acquiring) }

    /// Detaches the memory from the file, whose file system has died: a store there would raise a signal in the server. Runs
    /// on the plugin's thread; hooks go on meanwhile, and nothing that they stored is missing. False if that cannot be done.
    public func detach() -> Bool {
        // No slots are made meanwhile.
        slotLimit.store(0, ordering: .releasing)
        detached.store(true, ordering: .releasing)
        // Pairs with the reservation in makeSlot, which also acquires and releases: a slot reserved before this is moved too,
        // however far its thread has got; a later reservation sees the flag and the limit.
        let reserved = min(Int(clamping: AtomicWord.add(map.base, QPCM_HEADER_SLOTS_RESERVED, 0)), QPCM_SLOT_LIMIT)
        func end(_ slots: Int) -> Int { MappedFile.pageEnd(QPCM_SLOTS + slots * map.slotStride) }
        guard file.detach(bytes: end(reserved)) else { return false }
        // Later slots are made of memory, all of it laid now: two slots may share a page. It is used when it is touched; a
        // kernel that counts it at once (vm.overcommit_memory=2) may grant less.
        var more = QPCM_SLOT_LIMIT - reserved
        while more > 0, !file.layZeros(offset: end(reserved), bytes: end(reserved + more) - end(reserved)) { more /= 2 }
        // Releasing: pairs with the acquiring load in makeSlot.
        slotLimit.store(reserved + more, ordering: .releasing)
        return true
    }

    public var freeSlots: Int {
        (0..<map.slotsReady).reduce(0) {
            $0 + (AtomicWord.loadRelaxed(map.slot($1), 0) == UInt64(QPCM_SLOT_FREE) ? 1 : 0)
        }
    }
}
