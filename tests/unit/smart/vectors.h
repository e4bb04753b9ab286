// tests/vectors/vectors.json, and packets to and from the names that it gives their fields.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lib/smart/wire.h"

namespace linecast::smart {

using Json = nlohmann::json;

// The whole file; read once.
const Json& vectors();
// The vector of that name among the good packets, or the derived keys.
const Json& packet_vector(const std::string& name);
const Json& derived_vector(const std::string& name);

template <size_t N>
std::array<uint8_t, N> array_of(const Json& hex);

// The fields as the codec reads them, trailers included, without those that no struct holds (reserved bits
// and blanks). Null where the codec refuses the datagram.
Json fields_of(Bytes datagram);
// The bytes that the codec makes of these fields, without a trailer; empty where it makes none.
std::vector<uint8_t> encoded(const Json& fields);

// What of a vector's fields the structs hold.
Json without_blanks(Json fields);

}  // namespace linecast::smart
