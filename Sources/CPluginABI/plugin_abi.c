// The header is all there is: this file makes CPluginABI a target that SwiftPM builds.
#include "plugin_abi.h"
