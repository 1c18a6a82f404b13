import CMachine
import CMetricsLayout
import MetricsModel

/// `live.qpcm` as readers see it, while the server runs and after it has died. Needs no write access.
public final class LiveFileReader {
    public struct Header: Sendable {
        public var settings: Settings
        public var session: (UInt64, UInt64)
        public var pid: Int32
        public var startNanoseconds: UInt64
        /// QPCM_CLOCK_*.
        public var clock: UInt64
        public var bootID: [UInt8]
        public var version: String
        /// When the counters began; nil if unknown.
        public var createdNanoseconds: UInt64?
    }

    private let file: MappedFile
    public let header: Header
    public let path: String
    /// Reaches as far as the file did when it was opened: nothing beyond is touched.
    public let map: LiveMap

    /// - Parameter writable: for recovery, which wipes what it has taken.
    /// - Throws: `MemoryError`: code ENOENT if there is none, EINVAL with a detail if it is damaged; `isNewer`.
    public convenience init(path: String, writable: Bool = false) throws(MemoryError) {
        try self.init(path: path, writable: writable, of: nil)
    }

    /// The live file at a directory's place; ENOENT too for one that is not that directory's.
    public convenience init(_ place: LivePlace, writable: Bool = false) throws(MemoryError) {
        try self.init(path: place.path, writable: writable, of: place)
    }

    /// A directory's live file, wherever it is.
    @inline(never)  // Swift 6.3's optimizer fails on it in a loop.
    public static func open(in directory: String, writable: Bool = false) throws(MemoryError) -> LiveFileReader {
        let place = LivePlace.find(in: directory)
        do { return try LiveFileReader(place, writable: writable) } catch {
            // A start may have put another file in its place.
            let now = LivePlace.find(in: directory)
            guard error.code == ENOENT, !now.path.utf8.elementsEqual(place.path.utf8) else { throw error }
            return try LiveFileReader(now, writable: writable)
        }
    }

    private convenience init(path: String, writable: Bool, of place: LivePlace?) throws(MemoryError) {
        let flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = qpcm_open(path, flags, 0)
        guard descriptor >= 0 else { throw MemoryError(operation: "open", path: path, code: qpcm_errno()) }
        // A newer format may begin with another size of header.
        if let newer = Self.newer(descriptor) {
            _ = close(descriptor)
            throw MemoryError(newer, path: path)
        }
        var status = stat()
        guard qpcm_fstat(descriptor, &status) == 0, qpcm_is_regular(&status) != 0,
            status.st_size >= QPCM_SLOTS
        else {
            _ = close(descriptor)
            throw Self.damaged(path, "it is too short to be a live file")
        }
        let file = try MappedFile(
            owning: descriptor, path: path, reservedBytes: Int(status.st_size), writable: writable)
        let header = try Self.check(file.base, path: path)
        if let place { try place.expectOwn(file.base, owner: status.st_uid) }
        self.init(file, header: header, path: path)
    }

    private init(_ file: consuming MappedFile, header: Header, path: String) {
        let slotStride = QPCM_SLOT_RING + header.settings.ringBytes
        map = LiveMap(
            base: file.base, ringBytes: header.settings.ringBytes, slotStride: slotStride,
            reachableSlots: min((file.reservedBytes - QPCM_SLOTS) / slotStride, QPCM_SLOT_LIMIT))
        self.file = file
        self.header = header
        self.path = path
    }

    /// - Throws: `MemoryError.isNewer` if a directory's live file can be read and is of a newer format.
    public static func expectKnown(in directory: String) throws(MemoryError) {
        let path = LivePlace.find(in: directory).path
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        if let newer = newer(descriptor) { throw MemoryError(newer, path: path) }
    }

    /// The magic, the format's version and the plugin's stay where they are in every later format.
    private static func newer(_ descriptor: Int32) -> NewerFormat? {
        let bytes = QPCM_HEADER_VERSIONS_BYTES
        return withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 8) { head in
            guard pread(descriptor, head.baseAddress, bytes, 0) == bytes,
                head.load(fromByteOffset: 0, as: UInt64.self) == QPCM_LIVE_MAGIC
            else { return nil }
            return NewerFormat(
                found: UInt64(head.load(fromByteOffset: QPCM_HEADER_VERSION, as: UInt32.self)), known: Version.live,
                needs: NewerFormat.version(head[QPCM_HEADER_PLUGIN_VERSION..<bytes]))
        }
    }

    private static func damaged(_ path: String, _ detail: String) -> MemoryError {
        MemoryError(operation: "read", path: path, code: EINVAL, detail: detail)
    }

    private static func check(_ base: UnsafeMutableRawPointer, path: String) throws(MemoryError) -> Header {
        // Pairs with the releasing store in LiveFile.init.
        guard AtomicWord.loadAcquiring(base, 0) == QPCM_LIVE_MAGIC else {
            throw damaged(path, "it does not begin as a live file does")
        }
        let raw = UnsafeRawPointer(base).assumingMemoryBound(to: qpcm_header.self).pointee
        guard UInt64(raw.version) == Version.live else {
            throw damaged(path, "there is no format \(raw.version) of it; this program reads \(Version.live)")
        }
        guard
            raw.header_bytes == UInt32(QPCM_SLOTS),
            raw.counter_words == UInt32(QPCM_COUNTER_WORDS),
            raw.ring_bytes >= 4096, raw.ring_bytes <= 1 << 32, raw.ring_bytes & (raw.ring_bytes - 1) == 0,
            raw.slot_stride == UInt64(QPCM_SLOT_RING) + raw.ring_bytes,
            let identities = IdentityMode(rawValue: raw.identities)
        else { throw damaged(path, "its header is damaged") }
        let version = withUnsafeBytes(of: raw.plugin_version) { bytes in
            String(decoding: bytes.prefix { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
        }
        return Header(
            settings: settings(raw, identities), session: raw.session, pid: Int32(truncatingIfNeeded: raw.pid),
            startNanoseconds: raw.start_ns, clock: raw.clock, bootID: withUnsafeBytes(of: raw.boot_id) { [UInt8]($0) },
            version: version, createdNanoseconds: raw.created_ns == 0 ? nil : raw.created_ns)
    }

    /// A damaged word is clamped to what a setting could be, so that nobody who calculates with it overflows.
    private static func settings(_ raw: qpcm_header, _ identities: IdentityMode) -> Settings {
        func limit(_ word: UInt64) -> UInt64? { word == 0 ? nil : min(word, UInt64(Int64.max)) }
        return Settings(
            identities: identities, pairs: raw.pairs == 0, keyRotationNanoseconds: limit(raw.key_rotation_ns),
            retentionNanoseconds: limit(raw.retention_ns), maxLogBytes: limit(raw.max_bytes),
            ringBytes: Int(raw.ring_bytes),
            flushIntervalNanoseconds: min(raw.flush_interval_ns, Settings.longestInterval),
            keepsRows: raw.log_off == 0, sealsKeys: raw.keys_sealed != 0, messageHook: raw.message_hook_off == 0)
    }

    public var isRunning: Bool { map.word(QPCM_HEADER_STATE) == UInt64(QPCM_STATE_RUNNING) }

    /// What does not match its checksum, in words; nil if nothing is known to be wrong. In a file that is in use, or whose
    /// server was killed, only what init wrote can be checked.
    public var mismatch: String? {
        let initCheck = map.word(QPCM_HEADER_INIT_CHECK)
        if initCheck != 0, initCheck != map.initCheck { return "the header of \(path) does not match its checksum" }
        let countersCheck = map.word(QPCM_HEADER_COUNTERS_CHECK)
        if !isRunning, countersCheck != 0, countersCheck != map.countersCheck {
            return "the counters in \(path) do not match their checksum"
        }
        return nil
    }

    /// UTC, nanoseconds since 1970.
    public var heartbeatNanoseconds: UInt64 { map.word(QPCM_HEADER_HEARTBEAT) }

    /// Whether the file has grown by slots that this mapping does not reach.
    public var hasGrown: Bool { map.word(QPCM_HEADER_SLOTS_READY) > UInt64(map.reachableSlots) }
}
