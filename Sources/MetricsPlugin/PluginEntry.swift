import CMachine
import CPluginABI
import EventDrain
import MetricsModel

/// The library's one exported function.
///
/// - Returns: 0; or, with one line on standard error and the table unchanged, -1 for a null table, -2 for an invalid setting, -3
///   for a data directory that cannot be used or a process that cannot run another instance.
@c(qpc_plugin_init)
public func qpcPluginInit(_ vtable: UnsafeMutablePointer<qpc_hook_vtable>?) -> Int32 {
    guard let vtable else {
        return fail(-1, "the server passed no hook table (qpc_plugin_init was called with null)")
    }
    let configuration: Configuration
    do {
        configuration = try Configuration.fromEnvironment()
    } catch {
        return fail(-2, error.message)
    }
    let instance: PluginInstance
    do {
        instance = try PluginInstance(configuration)
    } catch {
        return fail(error.code, error.message)
    }
    // The server's `user_data` keeps the instance alive until destroy.
    _ = Unmanaged.passRetained(instance)
    vtable.pointee.user_data = UnsafeMutableRawPointer(instance.state)
    if configuration.settings.messageHook { vtable.pointee.on_message_enqueue = hookMessage }
    vtable.pointee.on_batch_enqueue = hookBatch
    vtable.pointee.on_auth = hookAuth
    vtable.pointee.on_channel_created = hookChannel
    vtable.pointee.on_fetch = hookFetch
    vtable.pointee.on_user_registered = hookRegistered
    vtable.pointee.on_shutdown = hookShutdown
    vtable.pointee.destroy = hookDestroy
    return 0
}

private func fail(_ code: Int32, _ message: String) -> Int32 {
    PluginLogger(level: .error).error(message)
    return code
}

@c(qpcm_hook_shutdown)
func hookShutdown(_ userData: UnsafeMutableRawPointer?) {
    guard let userData else { return }
    HookState.of(userData).pointee.instance.takeUnretainedValue().flush()
}

@c(qpcm_hook_destroy)
func hookDestroy(_ userData: UnsafeMutableRawPointer?) {
    guard let userData else { return }
    let instance = HookState.of(userData).pointee.instance
    instance.takeUnretainedValue().close()
    instance.release()
}
