#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

/// What a stream's deliveries say about who holds them back: the part of diagnose.h that is about
/// times and sizes of deliveries. Pure.
namespace sigway::doctor {

/// The value below which that part of the values lie; nothing of nothing.
std::optional<double> quantile(std::vector<double> values, double part);

/// Whether something small is kept back until more comes: judged by the first chunk of a stream
/// that then says nothing. Nothing if that is not known. Times in ms.
std::optional<bool> is_held(const nlohmann::json& silent, double cap, double trip);

/// The finding that tells how `small`'s deliveries are held back, or nothing if they are not.
/// `large` is the larger stream, or null.
std::optional<nlohmann::ordered_json> buffering(const nlohmann::json& small,
                                                const nlohmann::json& large,
                                                std::optional<bool> held, double trip);

}  // namespace sigway::doctor
