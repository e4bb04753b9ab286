// Whether a card that vfio-pci has is free.
#pragma once

#include <string>

namespace linecast::drivers {

// Throws Error where another process has the card at this PCI address (0000:3b:00.0), or this one may not
// open it. Nothing to say of cards that vfio-pci does not have.
void require_free_card(const std::string& port, const std::string& address);

}  // namespace linecast::drivers
