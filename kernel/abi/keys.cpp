// atrium.keys: a plugin's own keys, wrapped under a master key that it never sees.
#include "abi/host_state.hpp"
#include "auth/vault_keys.hpp"

namespace kernel::abi {
namespace {

template <class Work>
std::int32_t guarded(atrium_err* error, Work&& work) {
  return guard(error, [&]() -> std::int32_t {
    try {
      work();
      return ATRIUM_OK;
    } catch (const auth::VaultKeys::Fault& fault) {
      using Kind = auth::VaultKeys::Fault::Kind;
      const auto code = fault.kind == Kind::denied        ? ATRIUM_E_DENIED
                        : fault.kind == Kind::unknown_key ? ATRIUM_E_NOT_FOUND
                                                          : ATRIUM_E_INVALID;
      return fail(error, code, fault.what());
    }
  });
}

void give(HostState& host, atrium_text_fn take, void* context, std::string_view what) {
  if (take == nullptr) throw std::invalid_argument("a function for the result is needed");
  notify_plugin(host, "a function for a key", [&] { take(context, text(what)); });
}

std::int32_t wrap(const atrium_host* handle, atrium_str context, atrium_str plain, atrium_text_fn take, void* self,
                  atrium_err* error) {
  return guarded(error, [&] {
    HostState& host = HostState::of(handle);
    give(host, take, self, host.parts.vault.wrap(host.owner, view(context), view(plain)));
  });
}

std::int32_t unwrap(const atrium_host* handle, atrium_str context, atrium_str wrapped, atrium_text_fn take, void* self,
                    atrium_err* error) {
  return guarded(error, [&] {
    HostState& host = HostState::of(handle);
    give(host, take, self, host.parts.vault.unwrap(host.owner, view(context), view(wrapped)));
  });
}

void current(const atrium_host* handle, atrium_text_fn take, void* self) {
  guarded(nullptr, [&] {
    HostState& host = HostState::of(handle);
    give(host, take, self, host.parts.vault.current());
  });
}

std::int32_t rotate(const atrium_host* handle, atrium_err* error) {
  return guarded(error, [&] { HostState::of(handle).parts.vault.rotate(); });
}

std::int32_t retire(const atrium_host* handle, atrium_err* error) {
  return guarded(error, [&] { HostState::of(handle).parts.vault.retire(); });
}

}  // namespace

const atrium_keys keys_table = {sizeof(atrium_keys), 0, wrap, unwrap, current, rotate, retire};

}  // namespace kernel::abi
