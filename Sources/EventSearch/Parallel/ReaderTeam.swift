import CMachine
import EventLog

/// Threads that read ahead of the caller, each with a reader of its own, on the numbered pieces of one question. What they find
/// comes out in the order of the pieces, as if one thread had read them one after another.
///
/// The threads are niced a little: on a busy machine, the server goes first. Memory is bounded: a thread is at most
/// `ahead` parts ahead of the caller. Used by one thread.
public final class ReaderTeam<Part: Sendable>: @unchecked Sendable {
    /// Reads a piece and hands over what it finds, part by part; `deliver` returns false if nobody wants more.
    public typealias Work =
        @Sendable (
            _ reader: EventLogReader, _ piece: Int, _ deliver: (Part) -> Bool
        ) throws(LogError) -> Void

    private enum Entry {
        case part(Part)
        case endOfPiece
        case failure(LogError)
    }

    private static var ahead: Int { 2 }
    private static var niceness: Int32 { 2 }

    private let readers: [EventLogReader]
    private let pieces: Int
    private let work: Work
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var threads: [pthread_t] = []
    // SAFETY: all of these are read and written under the lock.
    /// By thread: what waits for the caller.
    private var entries: [[Entry]]
    /// How many threads share the pieces; 0 until all have been created.
    private var sharers = 0
    private var isStopped = false
    /// The caller's.
    private var piece = 0

    /// - Parameter readers: one for each thread; none of them is used by anybody else.
    /// - Returns: nil if the system has no thread to spare.
    public static func start(_ readers: [EventLogReader], pieces: Int, _ work: @escaping Work) -> ReaderTeam? {
        let team = ReaderTeam(readers, pieces, work)
        for index in readers.indices where team.threads.count == index { team.addThread(index) }
        guard !team.threads.isEmpty else { return nil }
        let count = team.threads.count
        team.locked { team.sharers = count }
        return team
    }

    private init(_ readers: [EventLogReader], _ pieces: Int, _ work: @escaping Work) {
        self.readers = readers
        self.pieces = pieces
        self.work = work
        entries = Array(repeating: [], count: readers.count)
        lock.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        pthread_mutex_init(lock, nil)
        pthread_cond_init(changed, nil)
    }

    private func addThread(_ index: Int) {
        // SAFETY: the team joins its threads before it goes.
        let team = Unmanaged.passUnretained(self)
        guard let thread = createThread({ team.takeUnretainedValue().run(index) }) else { return }
        threads.append(thread)
    }

    deinit {
        locked { isStopped = true }
        for thread in threads { pthread_join(thread, nil) }
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        lock.deallocate()
    }

    /// The next part in order; nil after the last.
    ///
    /// - Throws: what a thread met, in its place; nothing can be read afterwards.
    public func next() throws(LogError) -> Part? {
        while piece < pieces {
            switch take(from: piece % threads.count) {
            case .part(let part): return part
            case .endOfPiece: piece += 1
            case .failure(let error):
                piece = pieces
                throw error
            }
        }
        return nil
    }

    private func take(from thread: Int) -> Entry {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while entries[thread].isEmpty { pthread_cond_wait(changed, lock) }
        pthread_cond_broadcast(changed)
        return entries[thread].removeFirst()
    }

    /// - Returns: false if nobody wants more.
    private func put(_ entry: Entry, from thread: Int) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while entries[thread].count >= Self.ahead && !isStopped { pthread_cond_wait(changed, lock) }
        guard !isStopped else { return false }
        entries[thread].append(entry)
        pthread_cond_broadcast(changed)
        return true
    }

    private func locked(_ body: () -> Void) {
        pthread_mutex_lock(lock)
        body()
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(lock)
    }

    /// A thread's whole life: every so-manieth piece, from its own first one.
    private func run(_ index: Int) {
        qpcm_yield_to_others(Self.niceness)
        pthread_mutex_lock(lock)
        while sharers == 0 && !isStopped { pthread_cond_wait(changed, lock) }
        let stride = sharers
        pthread_mutex_unlock(lock)
        var piece = index
        while stride > 0, piece < pieces {
            do throws(LogError) {
                try work(readers[index], piece) { put(.part($0), from: index) }
            } catch {
                _ = put(.failure(error), from: index)
                return
            }
            guard put(.endOfPiece, from: index) else { return }
            piece += stride
        }
    }
}

/// How many threads a question may use.
public enum ReaderThreads {
    /// More would take memory, and the machine from its server, and gain little.
    private static let most = 4

    /// The processors that this process may run on, within limits; 1 for no help.
    public static var count: Int { min(most, Int(qpcm_processors())) }
}

/// - Returns: nil if the system has no thread to spare.
private func createThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
    var thread = pthread_t()
    let start = Unmanaged.passRetained(ThreadBody(body))
    let code = pthread_create(
        &thread, nil,
        { argument in
            Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        }, start.toOpaque())
    if code == 0 { return thread }
    start.release()
    return nil
}

private final class ThreadBody {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
