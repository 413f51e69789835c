#pragma once

#include "hall.h"

namespace sigway::load {

// The scenarios. Each throws if anything is lost, repeated or refused.
Figures run_idle(const Options& options);
Figures run_pairs(const Options& options);
Figures run_rate(const Options& options);  // and switch
Figures run_fan_out(const Options& options);
Figures run_open(const Options& options);
Figures run_churn(const Options& options);
Figures run_storm(const Options& options);

}  // namespace sigway::load
