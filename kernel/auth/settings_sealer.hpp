#pragma once
#include "auth/sealed_box.hpp"
#include "settings/registry.hpp"

namespace kernel::auth {

/// Seals the settings that are secret, under a key of their own.
class SettingsSealer final : public settings::Sealer {
 public:
  explicit SettingsSealer(const std::string& key) : box_(key) {}
  std::string seal(std::string_view plain, std::string_view bound_to) const override {
    return box_.seal(plain, bound_to);
  }
  std::optional<std::string> open(std::string_view sealed, std::string_view bound_to) const override {
    return box_.open(sealed, bound_to);
  }

 private:
  SealedBox box_;
};

}  // namespace kernel::auth
