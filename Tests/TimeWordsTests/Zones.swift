import TimeWords

/// Zones for the year 2026 that need no zone files.
enum Zones {
    /// Berlin: summer time from 2026-03-29 01:00 UTC to 2026-10-25 01:00 UTC.
    static let berlin = ClockZone { instant in
        instant >= 1_774_746_000 && instant < 1_792_890_000 ? 7200 : 3600
    }
    /// Cairo: summer time begins at midnight, on 2026-04-23 at 22:00 UTC.
    static let cairo = ClockZone { instant in
        instant >= 1_776_981_600 && instant < 1_793_307_600 ? 10800 : 7200
    }
}
