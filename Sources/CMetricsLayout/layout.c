// The headers are all there is: this file makes CMetricsLayout a target that SwiftPM builds.
#include "live_layout.h"
#include "event_record.h"
#include "control_message.h"
