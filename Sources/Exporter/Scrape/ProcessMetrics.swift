import Glibc
import MetricsModel
import PrometheusText

/// A program's own `process_*` metrics, as in every Prometheus client library. One thread at a time.
final class ProcessMetrics {
    let startNanoseconds: UInt64
    /// Kept open: opening costs more than reading.
    private let memoryFile = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)

    /// A program that serves metrics.
    enum Program: String {
        case exporter
        case shipper

        var buildInfo: String { self == .exporter ? "qpc_exporter_build_info" : "qpc_ship_build_info" }
    }

    private let program: Program

    init(_ program: Program) {
        self.program = program
        startNanoseconds = Self.processStart() ?? Clock.realtimeNanoseconds()
    }

    deinit { if memoryFile >= 0 { close(memoryFile) } }

    func families() -> [ExpositionFamily] {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let cpu = Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)
        var families = [
            ExpositionFamily(
                name: program.buildInfo, type: .gauge, help: "The \(program)'s version; always 1.",
                samples: [ExpositionSample(labels: [("version", Version.current)], value: .integer(1))]),
            ExpositionFamily(
                name: "process_cpu_seconds", type: .counter, unit: "seconds",
                help: "Total user and system CPU time spent by the \(program).",
                createdNanoseconds: startNanoseconds, value: .number(cpu)),
            gauge(
                "process_start_time_seconds", "seconds", "When the \(program) started, in seconds since 1970.",
                Double(startNanoseconds / 10_000_000) / 100),
        ]
        if let memory = memory() {
            families.append(
                gauge(
                    "process_resident_memory_bytes", "bytes", "Resident memory of the \(program).", memory.resident))
            families.append(
                gauge("process_virtual_memory_bytes", "bytes", "Virtual memory of the \(program).", memory.virtual))
        }
        if let count = Self.openDescriptors() {
            families.append(gauge("process_open_fds", "", "Open file descriptors of the \(program).", Double(count)))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            families.append(
                gauge("process_max_fds", "", "Maximum number of open file descriptors of the \(program).", Double(limit.rlim_cur))
            )
        }
        return families
    }

    private func gauge(_ name: String, _ unit: String, _ help: String, _ value: Double) -> ExpositionFamily {
        ExpositionFamily(name: name, type: .gauge, unit: unit, help: help, value: .number(value))
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private func memory() -> (virtual: Double, resident: Double)? {
        guard let text = Self.read(memoryFile) else { return nil }
        let words = text.split(separator: " ").prefix(2).compactMap { Double($0) }
        guard words.count == 2 else { return nil }
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        return (words[0] * page, words[1] * page)
    }

    private static func read(_ descriptor: Int32) -> String? {
        guard descriptor >= 0 else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 1) { buffer in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
        }
    }

    private static func openDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Minus `.`, `..` and the descriptor of this directory.
        return max(0, count - 3)
    }

    /// Nanoseconds since 1970, from field 22 of /proc/self/stat: ticks since boot.
    private static func processStart() -> UInt64? {
        let descriptor = open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        guard let text = read(descriptor), let nameEnd = text.lastIndex(of: ")") else { return nil }
        let fields = text[nameEnd...].split(separator: " ")
        guard fields.count > 20, let ticks = UInt64(fields[20]) else { return nil }
        var boot = timespec()
        clock_gettime(CLOCK_BOOTTIME, &boot)
        let sinceBoot = UInt64(boot.tv_sec) * 1_000_000_000 + UInt64(boot.tv_nsec)
        let started = ticks * (1_000_000_000 / UInt64(sysconf(Int32(_SC_CLK_TCK))))
        let now = Clock.realtimeNanoseconds()
        return started <= sinceBoot ? now - (sinceBoot - started) : now
    }
}
