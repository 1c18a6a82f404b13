function __qpc-metrics_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __qpc-metrics_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __qpc-metrics_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __qpc-metrics_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __qpc-metrics_parse_tokens -S
    set -l unparsed_tokens (__qpc-metrics_tokens -pc)
    switch $unparsed_tokens[1]
    case 'qpc-metrics'
        __qpc-metrics_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'demo'
            __qpc-metrics_parse_subcommand 0 'plugin=' 'threads=' 'events=' 'seed=' 'remove' 'live' 'serve' 'version' 'h/help'
        case 'events'
            __qpc-metrics_parse_subcommand 0 'dir=' 'kind=+' 'since=' 'until=' 'user=' 'identity=' 'channel=' 'failed' 'reason=' 'login-only' 'ok' 'class=' 'sender=' 'recipient=' 'min-bytes=' 'operator-key=' 'passphrase-file=' 'after=' 'n=' 'r' 'names=' 'f/follow' 'c/count' 'o/output=' 'utc' 'full' 'color=' 'no-pager' 'cursor-file=' 'version' 'h/help'
        case 'count'
            __qpc-metrics_parse_subcommand 0 'dir=' 'by=' 'sum=' 'max=' 'distinct=' 'first' 'last' 'top=' 'sort=' 'having=+' 'beside=' 'dropped' 'waiting' 'kind=+' 'since=' 'until=' 'user=' 'identity=' 'channel=' 'failed' 'reason=' 'login-only' 'ok' 'class=' 'sender=' 'recipient=' 'min-bytes=' 'operator-key=' 'passphrase-file=' 'after=' 'n=' 'r' 'names=' 'o/output=' 'color=' 'version' 'h/help'
        case 'stats'
            __qpc-metrics_parse_subcommand 0 'dir=' 'kind=+' 'since=' 'until=' 'user=' 'identity=' 'channel=' 'failed' 'reason=' 'login-only' 'ok' 'class=' 'sender=' 'recipient=' 'min-bytes=' 'operator-key=' 'passphrase-file=' 'after=' 'n=' 'r' 'by=' 'top=' 'names=' 'operator-key=' 'passphrase-file=' 'o/output=' 'color=' 'version' 'h/help'
        case 'whois'
            __qpc-metrics_parse_subcommand -r 1 'dir=' 'names=' 'user=' 'user-file=' 'identity=' 'operator-key=' 'passphrase-file=' 'o/output=' 'version' 'h/help'
        case 'status'
            __qpc-metrics_parse_subcommand 0 'dir=' 'cursor-file=+' 'o/output=' 'version' 'h/help'
        case 'top'
            __qpc-metrics_parse_subcommand 0 'dir=' 'names=' 'operator-key=' 'passphrase-file=' 'b/once' 'color=' 'version' 'h/help'
        case 'doctor'
            __qpc-metrics_parse_subcommand 0 'dir=' 'cursor-file=+' 'exporter=' 'prometheus=' 'server-metrics=' 'window=' 'ca-file=' 'o/output=' 'color=' 'version' 'h/help'
        case 'verify'
            __qpc-metrics_parse_subcommand 0 'dir=' 'o/output=' 'q/quiet' 'version' 'h/help'
        case 'prometheus'
            __qpc-metrics_parse_subcommand 0 'dir=' 'format=' 'output=' 'every=' 'version' 'h/help'
        case 'serve'
            __qpc-metrics_parse_subcommand 0 'dir=' 'web.listen-address=+' 'web.telemetry-path=' 'web.config.file=' 'wait' 'web.systemd-socket' 'log.level=' 'log.format=' 'version' 'h/help'
        case 'backfill'
            __qpc-metrics_parse_subcommand 0 'dir=' 'step=' 'since=' 'until=' 'label=+' 'prometheus=' 'ca-file=' 'bounds=' 'output=' 'version' 'h/help'
        case 'ship'
            __qpc-metrics_parse_subcommand 1 'dir=' 'to=' 'password-file=' 'ca-file=' 'server=' 'f/follow' 'interval=' 'cursor-file=' 'listen=' 'apply' 'since=' 'o/output=' 'version' 'h/help'
        case 'recover'
            __qpc-metrics_parse_subcommand 0 'dir=' 'salvage=' 'into=' 'version' 'h/help'
        case 'prune'
            __qpc-metrics_parse_subcommand 0 'dir=' 'older-than=' 'max-size=' 'all' 'dry-run' 'y/yes' 'o/output=' 'version' 'h/help'
        case 'forget'
            __qpc-metrics_parse_subcommand 0 'dir=' 'user=' 'user-file=' 'identity=' 'operator-key=' 'passphrase-file=' 'dry-run' 'y/yes' 'o/output=' 'version' 'h/help'
        case 'rebuild'
            __qpc-metrics_parse_subcommand 0 'dir=' 'version' 'h/help'
        case 'privacy-report'
            __qpc-metrics_parse_subcommand 0 'dir=' 'o/output=' 'operator-key=' 'passphrase-file=' 'version' 'h/help'
        case 'keygen'
            __qpc-metrics_parse_subcommand 0 'o/output=' 'passphrase' 'passphrase-file=' 'public=' 'version' 'h/help'
        case 'key-agent'
            __qpc-metrics_parse_subcommand 0 'operator-key=' 'passphrase-file=' 'socket=' 'version' 'h/help'
        case 'help'
            __qpc-metrics_parse_subcommand -r 1 'version'
        end
    end
end

function __qpc-metrics_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __qpc-metrics_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __qpc-metrics_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __qpc-metrics_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__qpc-metrics_tokens -p)
    if test -z "$(__qpc-metrics_tokens -t)"
        set -l index (count (__qpc-metrics_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'qpc-metrics' -f
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'demo' -d 'Shows everything without a server.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'events' -d 'Prints events, oldest first.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'count' -d 'Counts events in groups: by user, reason, hour and more.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'stats' -d 'Shows what the server did in a window of time, on one screen.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'whois' -d 'Finds who is behind a pseudonym, and the pseudonyms of a person.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'status' -d 'Reports whether the plugin is healthy, and if not, what to do.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'top' -d 'Shows the server live in the terminal: rates, failures, sizes, durations, rings, drops, lag.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'doctor' -d 'Checks an installation end to end, and says how to fix it.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'verify' -d 'Proves that every event is accounted for, and that the log is sound.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'prometheus' -d 'Prints every metric in Prometheus format.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'serve' -d 'Serves every metric to Prometheus over HTTP, and a status page to people.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'backfill' -d 'Writes the log\'s history as metrics, to fill in what Prometheus never scraped.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'ship' -d 'Sends the log to a ClickHouse server that holds the whole fleet.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'recover' -d 'Moves the pending events of a dead server into the log.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'prune' -d 'Removes the oldest events from the log now.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'forget' -d 'Removes a person from the log: every event that involves them, and their names.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'rebuild' -d 'Rebuilds the log\'s indexes and statistics from its events.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'privacy-report' -d 'Reports what a copy of the data directory would reveal, and which settings reduce that.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'keygen' -d 'Makes an operator\'s key pair, to which the keys of pseudonyms are sealed.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'key-agent' -d 'Holds an operator\'s private key, and opens sealed keys for commands on a server.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" plugin' -l 'plugin' -d 'The plugin (default: libMetricsPlugin.so next to this program, or where the packages install it).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" threads' -l 'threads' -d 'Number of the server\'s threads, 1–64.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" events' -l 'events' -d 'Events before the server is killed.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" seed' -l 'seed' -d 'Seed of the traffic.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" remove' -l 'remove' -d 'Remove the data directory at the end.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" live' -l 'live' -d 'Continue with a running server, shown in top.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" serve' -l 'serve' -d 'Continue with a running server and the exporter.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events"' -l 'kind' -d 'Only events of this kind; separate several with commas, or repeat the option.' -rfka 'message_enqueue batch_enqueue auth channel_created fetch user_registered'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" since' -l 'since' -d 'Only events at or after this time, such as -2h, yesterday, 2026-11-22 14:00.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" until' -l 'until' -d 'Only events before this time.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" user' -l 'user' -d 'Only what this user did: logins, registrations, and what the keys registered under the name did; a name, a pseudonym, or its first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" identity' -l 'identity' -d 'Only events in which this identity sends, receives, creates or registers: a key, a pseudonym, or the first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" channel' -l 'channel' -d 'Only events of this channel: an id, a pseudonym, or its first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" failed' -l 'failed' -d 'Only failed logins.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" reason' -l 'reason' -d 'Only logins whose reason has these words, or words that begin with them.' -rfka '(__qpc-metrics_custom_completion ---completion events -- --reason (count (__qpc-metrics_tokens -pc)) (__qpc-metrics_tokens -tC))'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" login-only' -l 'login-only' -d 'With --user: only logins and registrations, not what the user\'s keys did.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" ok' -l 'ok' -d 'Only successful logins.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" class' -l 'class' -d 'Only failed logins of this class, as in qpc_auth_failures_total.' -rfka 'credentials unknown_user rate_limited locked expired protocol other'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" sender' -l 'sender' -d 'Only messages that this identity sent: a key, a pseudonym, or its first digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" recipient' -l 'recipient' -d 'Only messages to this identity, and its fetches: a key, a pseudonym, or its first digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" min-bytes' -l 'min-bytes' -d 'Only messages of at least this size, such as 1MiB or 4096.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" after' -l 'after' -d 'Only events after the one with this id.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" n' -s 'n' -d 'Only the newest N events.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" r' -s 'r' -d 'Newest first.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" names' -l 'names' -d 'Show names next to pseudonyms, from this file with a user\'s name, a key, or a key and a name on each line; - for standard input.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" f follow' -s 'f' -l 'follow' -d 'Continue with new events as they arrive.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" c count' -s 'c' -l 'count' -d 'Print only the number of events.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" o output' -l 'output' -s 'o' -d 'The format of the output.' -rfka 'table json ndjson csv'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" utc' -l 'utc' -d 'Show times in UTC, in tables too.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" full' -l 'full' -d 'Show whole pseudonyms and keys in aligned columns, on a terminal too.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" color' -l 'color' -d 'Whether to use colour.' -rfka 'auto always never'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" no-pager' -l 'no-pager' -d 'Do not show the events in a pager.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" cursor-file' -l 'cursor-file' -d 'Resume after the event in this file, and keep the last one printed there.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" by' -l 'by' -d 'What to group by, one or two of: kind, user, sender, recipient, identity, channel, reason, class, minute, hour, day, weekday, hour_of_day. Without it, all events are one group.' -rfka 'kind user sender recipient identity channel reason class minute hour day weekday hour_of_day'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" sum' -l 'sum' -d 'Add up the bytes of messages, or the messages handed out by fetches.' -rfka 'bytes count'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" max' -l 'max' -d 'Show the largest value in each group.' -rfka 'bytes count'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" distinct' -l 'distinct' -d 'Count the distinct values in each group.' -rfka 'user identity channel'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" first' -l 'first' -d 'Show when the first event of each group happened.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" last' -l 'last' -d 'Show when the last event of each group happened.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" top' -l 'top' -d 'Only the first N groups, in the order of --sort.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" sort' -l 'sort' -d 'What to sort by: a field of --by, smallest first, or largest first one of events, sum, max, distinct, first, last, failed, ok, failed_before_ok. By default, groups are sorted by the time in --by, otherwise by sum, max, distinct or events. -r reverses the order.' -rfka 'events sum max distinct first last failed ok failed_before_ok kind user sender recipient identity channel reason class minute hour day weekday hour_of_day'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count"' -l 'having' -d 'Only groups that satisfy this, such as \'failed>=10\' or \'events<3\'; can be repeated. failed_before_ok are the failed logins before the last successful one.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" beside' -l 'beside' -d 'Show next to each group the events of the same hours this much earlier, such as 1d or 7d.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" dropped' -l 'dropped' -d 'Count events that were dropped; --by takes kind, cause and times.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" waiting' -l 'waiting' -d 'Count the messages waiting to be fetched, and since when: in total, or --by recipient.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count"' -l 'kind' -d 'Only events of this kind; separate several with commas, or repeat the option.' -rfka 'message_enqueue batch_enqueue auth channel_created fetch user_registered'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" since' -l 'since' -d 'Only events at or after this time, such as -2h, yesterday, 2026-11-22 14:00.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" until' -l 'until' -d 'Only events before this time.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" user' -l 'user' -d 'Only what this user did: logins, registrations, and what the keys registered under the name did; a name, a pseudonym, or its first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" identity' -l 'identity' -d 'Only events in which this identity sends, receives, creates or registers: a key, a pseudonym, or the first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" channel' -l 'channel' -d 'Only events of this channel: an id, a pseudonym, or its first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" failed' -l 'failed' -d 'Only failed logins.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" reason' -l 'reason' -d 'Only logins whose reason has these words, or words that begin with them.' -rfka '(__qpc-metrics_custom_completion ---completion count -- --reason (count (__qpc-metrics_tokens -pc)) (__qpc-metrics_tokens -tC))'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" login-only' -l 'login-only' -d 'With --user: only logins and registrations, not what the user\'s keys did.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" ok' -l 'ok' -d 'Only successful logins.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" class' -l 'class' -d 'Only failed logins of this class, as in qpc_auth_failures_total.' -rfka 'credentials unknown_user rate_limited locked expired protocol other'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" sender' -l 'sender' -d 'Only messages that this identity sent: a key, a pseudonym, or its first digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" recipient' -l 'recipient' -d 'Only messages to this identity, and its fetches: a key, a pseudonym, or its first digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" min-bytes' -l 'min-bytes' -d 'Only messages of at least this size, such as 1MiB or 4096.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" after' -l 'after' -d 'Only events after the one with this id.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" n' -s 'n' -d 'Only the newest N events.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" r' -s 'r' -d 'Newest first.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" names' -l 'names' -d 'Show names next to pseudonyms, from this file with a user\'s name, a key, or a key and a name on each line; - for standard input.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" o output' -l 'output' -s 'o' -d 'The format of the output.' -rfka 'table json ndjson csv'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" color' -l 'color' -d 'Whether to use colour.' -rfka 'auto always never'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics count" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats"' -l 'kind' -d 'Only events of this kind; separate several with commas, or repeat the option.' -rfka 'message_enqueue batch_enqueue auth channel_created fetch user_registered'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" since' -l 'since' -d 'Only events at or after this time, such as -2h, yesterday, 2026-11-22 14:00.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" until' -l 'until' -d 'Only events before this time.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" user' -l 'user' -d 'Only what this user did: logins, registrations, and what the keys registered under the name did; a name, a pseudonym, or its first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" identity' -l 'identity' -d 'Only events in which this identity sends, receives, creates or registers: a key, a pseudonym, or the first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" channel' -l 'channel' -d 'Only events of this channel: an id, a pseudonym, or its first 4 or more digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" failed' -l 'failed' -d 'Only failed logins.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" reason' -l 'reason' -d 'Only logins whose reason has these words, or words that begin with them.' -rfka '(__qpc-metrics_custom_completion ---completion stats -- --reason (count (__qpc-metrics_tokens -pc)) (__qpc-metrics_tokens -tC))'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" login-only' -l 'login-only' -d 'With --user: only logins and registrations, not what the user\'s keys did.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" ok' -l 'ok' -d 'Only successful logins.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" class' -l 'class' -d 'Only failed logins of this class, as in qpc_auth_failures_total.' -rfka 'credentials unknown_user rate_limited locked expired protocol other'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" sender' -l 'sender' -d 'Only messages that this identity sent: a key, a pseudonym, or its first digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" recipient' -l 'recipient' -d 'Only messages to this identity, and its fetches: a key, a pseudonym, or its first digits.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" min-bytes' -l 'min-bytes' -d 'Only messages of at least this size, such as 1MiB or 4096.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" after' -l 'after' -d 'Only events after the one with this id.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" n' -s 'n' -d 'Only the newest N events.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" r' -s 'r' -d 'Newest first.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" by' -l 'by' -d 'The periods to divide the window into (default: what fits it).' -rfka 'minute hour day'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" top' -l 'top' -d 'How many identities, channels and users to name; 0 for none.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" names' -l 'names' -d 'Show names next to pseudonyms, from this file with a user\'s name, a key, or a key and a name on each line; - for standard input.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" o output' -l 'output' -s 'o' -d 'The format of the output.' -rfka 'table json csv'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" color' -l 'color' -d 'Whether to use colour.' -rfka 'auto always never'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" names' -l 'names' -d 'A file with a user\'s name, a key, or a key and a name on each line; - for standard input.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" user' -l 'user' -d 'The pseudonyms of this user.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" user-file' -l 'user-file' -d 'The pseudonyms of the users in this file, one on each line; - for standard input.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" identity' -l 'identity' -d 'The pseudonyms of this key.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" o output' -l 'output' -s 'o' -d 'The format of the output.' -rfka 'table json csv'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics whois" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status"' -l 'cursor-file' -d 'Also report the shipper with this cursor file; those of qpc-metrics-ship@.service are found without it.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status" o output' -l 'output' -s 'o' -d 'The format of the output.' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" names' -l 'names' -d 'Show names next to pseudonyms, from this file with a user\'s name, a key, or a key and a name on each line; - for standard input.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" b once' -s 'b' -l 'once' -d 'Print one screen, measured over one second, and exit; for a pipe.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" color' -l 'color' -d 'Whether to use colour.' -rfka 'auto always never'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor"' -l 'cursor-file' -d 'Also report the shipper with this cursor file; those of qpc-metrics-ship@.service are found without it.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" exporter' -l 'exporter' -d 'The exporter\'s URL (default: http://127.0.0.1:10120, if it runs there).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" prometheus' -l 'prometheus' -d 'Also check the target, rules and alerts of this Prometheus.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" server-metrics' -l 'server-metrics' -d 'Compare the server\'s own metrics at this URL with the plugin\'s.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" window' -l 'window' -d 'Seconds over which the server\'s metrics are compared.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" ca-file' -l 'ca-file' -d 'For https, trust the CAs in this PEM file instead of the system\'s.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" o output' -l 'output' -s 'o' -d 'The format of the output.' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" color' -l 'color' -d 'Whether to use colour.' -rfka 'auto always never'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics doctor" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics verify" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics verify" o output' -l 'output' -s 'o' -d 'The format of the output.' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics verify" q quiet' -l 'quiet' -s 'q' -d 'Print only what is wrong.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics verify" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics verify" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" format' -l 'format' -d 'The format of the metrics.' -rfka 'text openmetrics'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" output' -l 'output' -d 'Replace this file instead of printing.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" every' -l 'every' -d 'Repeat after this time, such as 15s.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve"' -l 'web.listen-address' -d 'Address to listen on; can be repeated (default: 127.0.0.1:10120).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" web.telemetry-path' -l 'web.telemetry-path' -d 'Path of the metrics.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" web.config.file' -l 'web.config.file' -d 'TLS, passwords and headers, as for every Prometheus exporter.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" wait' -l 'wait' -d 'Report ready even before the data directory exists, for a server that has never run.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" web.systemd-socket' -l 'web.systemd-socket' -d 'Listen on the sockets of a systemd .socket unit instead of addresses.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" log.level' -l 'log.level' -d 'The lowest level of messages to log.' -rfka 'debug info warn error'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" log.format' -l 'log.format' -d 'The format of log lines.' -rfka 'logfmt json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" step' -l 'step' -d 'The time between two samples.' -rfka '1m 5m'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" since' -l 'since' -d 'Samples at or after this time (default: the log\'s beginning).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" until' -l 'until' -d 'Samples before this time (default: Prometheus\' first, otherwise now).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill"' -l 'label' -d 'A label that Prometheus adds, such as job=qpc; repeatable.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" prometheus' -l 'prometheus' -d 'The Prometheus that scrapes this server, to end where it begins.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" ca-file' -l 'ca-file' -d 'For https, trust the CAs in this PEM file instead of the system\'s.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" bounds' -l 'bounds' -d 'The format that Prometheus scrapes, which decides how bucket bounds are written (default: openmetrics, or as found there).' -rfka 'openmetrics text'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" output' -l 'output' -d 'Write this file instead of printing.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics backfill" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics ship" -eq 1' -fka 'schema verify'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" to' -l 'to' -d 'The server: clickhouse+http://user@host:8123/database, or clickhouse+https://.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" password-file' -l 'password-file' -d 'A file that holds the user\'s password.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" ca-file' -l 'ca-file' -d 'Trust the authorities in this PEM file, not the system\'s, for https.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" server' -l 'server' -d 'This server\'s name in the rows (default: the host\'s name).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" f follow' -s 'f' -l 'follow' -d 'Wait for more events, until Ctrl-C.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" interval' -l 'interval' -d 'With --follow, the time between two looks at the log (default: 1s).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" cursor-file' -l 'cursor-file' -d 'Where to keep how far it got (default: qpc-metrics-ship.cursor in $STATE_DIRECTORY, otherwise here).' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" listen' -l 'listen' -d 'Serve the shipper\'s own metrics to Prometheus here, such as 127.0.0.1:10121.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" apply' -l 'apply' -d 'With schema: make the tables.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" since' -l 'since' -d 'With verify: compare from this time\'s day on (UTC), for a server that keeps less.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" o output' -l 'output' -s 'o' -d 'With verify: the format of the output (default: text).' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics ship" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics recover" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics recover" salvage' -l 'salvage' -d 'A damaged log to save the events of.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics recover" into' -l 'into' -d 'The new directory for the saved events.' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics recover" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics recover" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" older-than' -l 'older-than' -d 'Remove events older than this, such as 7d, 12h or 90m.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" max-size' -l 'max-size' -d 'Remove the oldest events until the log is no larger than this, 1MiB or more, such as 1GiB or 512MiB.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" all' -l 'all' -d 'Remove every event.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" dry-run' -l 'dry-run' -d 'Show what would be removed, and remove nothing.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" y yes' -s 'y' -l 'yes' -d 'Do not ask for confirmation; without a terminal, none is asked for anyway.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" o output' -l 'output' -s 'o' -d 'The format of the receipt.' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" user' -l 'user' -d 'A user\'s name or pseudonym.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" user-file' -l 'user-file' -d 'A file with a user\'s name on each line; - for standard input.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" identity' -l 'identity' -d 'A key or its pseudonym, in full.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" dry-run' -l 'dry-run' -d 'Show what would be removed, and remove nothing.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" y yes' -s 'y' -l 'yes' -d 'Do not ask for confirmation; without a terminal, none is asked for anyway.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" o output' -l 'output' -s 'o' -d 'The format of the receipt.' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics rebuild" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics rebuild" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics rebuild" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, otherwise qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" o output' -l 'output' -s 'o' -d 'The format of the output.' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics keygen" o output' -l 'output' -s 'o' -d 'The private key\'s file, which must not exist yet.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics keygen" passphrase' -l 'passphrase' -d 'Lock the file with a passphrase, which the terminal asks for.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics keygen" passphrase-file' -l 'passphrase-file' -d 'Lock the file with a passphrase: the first line of this file, of - or of /dev/fd/N.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics keygen" public' -l 'public' -d 'Make nothing, and print the public key of this private key\'s file.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics keygen" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics keygen" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics key-agent" operator-key' -l 'operator-key' -d 'The operator\'s private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, or the socket of key-agent.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics key-agent" passphrase-file' -l 'passphrase-file' -d 'The private key\'s passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics key-agent" socket' -l 'socket' -d 'The Unix socket to listen at, which only this user can connect to.' -rF
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics key-agent" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics key-agent" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics help" version' -l 'version' -d 'Show the version.'
