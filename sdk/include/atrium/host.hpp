#pragma once
// The kernel as a plugin sees it: the interface tables, fetched once, with errors turned into problems.
#include <atrium/codec.hpp>
#include <atrium/problem.hpp>

#include <memory>

namespace atrium {

enum class Level : std::int32_t { trace, debug, info, warning, error };

/// Receives the details of a failed call across the boundary.
struct Failure {
  atrium_err raw{};
  operator atrium_err*() { return &raw; }  // NOLINT: passed where the boundary wants it
  /// Throws the problem for a status below zero; returns the status otherwise.
  std::int32_t check(std::int32_t status) const {
    if (status < 0) throw problem_for(status, raw.message);
    return status;
  }
};

class Host {
 public:
  Host() = default;
  explicit Host(const atrium_host* raw)
      : raw_(raw),
        http_(table<atrium_http>(ATRIUM_HTTP)),
        auth_(table<atrium_auth>(ATRIUM_AUTH)),
        db_(table<atrium_db>(ATRIUM_DB)),
        events_(table<atrium_events>(ATRIUM_EVENTS)),
        jobs_(table<atrium_jobs>(ATRIUM_JOBS)),
        services_(table<atrium_services>(ATRIUM_SERVICES)),
        egress_(table<atrium_egress>(ATRIUM_EGRESS)),
        objects_(table<atrium_objects>(ATRIUM_OBJECTS)),
        keys_(table<atrium_keys>(ATRIUM_KEYS)),
        settings_(table<atrium_settings>(ATRIUM_SETTINGS)),
        metrics_(table<atrium_metrics>(ATRIUM_METRICS)) {}

  const atrium_host* raw() const { return raw_; }
  const atrium_http& http() const { return there(http_, ATRIUM_HTTP); }
  const atrium_auth& auth() const { return there(auth_, ATRIUM_AUTH); }
  const atrium_db& db() const { return there(db_, ATRIUM_DB); }
  const atrium_events& events() const { return there(events_, ATRIUM_EVENTS); }
  const atrium_jobs& jobs() const { return there(jobs_, ATRIUM_JOBS); }
  const atrium_services& services() const { return there(services_, ATRIUM_SERVICES); }
  const atrium_egress& egress() const { return there(egress_, ATRIUM_EGRESS); }
  const atrium_objects& objects() const { return there(objects_, ATRIUM_OBJECTS); }
  const atrium_keys& keys() const { return there(keys_, ATRIUM_KEYS); }
  const atrium_settings& settings() const { return there(settings_, ATRIUM_SETTINGS); }
  const atrium_metrics& metrics() const { return there(metrics_, ATRIUM_METRICS); }

  void log(Level level, std::string_view message, const Json& fields = nullptr) const {
    const std::string text = fields.is_null() ? std::string() : dump(fields);
    raw_->log(raw_, static_cast<std::int32_t>(level), view(message), view(text));
  }
  /// Runs `work` soon on a thread of the kernel's; false when its queue is full.
  template <class F>
  bool post(F work) const {
    auto* held = new F(std::move(work));
    Failure failure;
    const auto run = [](void* self) {
      const std::unique_ptr<F> work(static_cast<F*>(self));
      (*work)();
    };
    if (jobs().post(raw_, run, held, failure) >= 0) return true;
    delete held;
    return false;
  }

 private:
  template <class T>
  const T* table(const char* id) const {
    return static_cast<const T*>(raw_->get(raw_, id));
  }
  template <class T>
  static const T& there(const T* found, const char* id) {
    if (!found) throw unavailable(std::string("This kernel does not offer the interface ") + id + " to this plugin.");
    return *found;
  }

  const atrium_host* raw_ = nullptr;
  const atrium_http* http_ = nullptr;
  const atrium_auth* auth_ = nullptr;
  const atrium_db* db_ = nullptr;
  const atrium_events* events_ = nullptr;
  const atrium_jobs* jobs_ = nullptr;
  const atrium_services* services_ = nullptr;
  const atrium_egress* egress_ = nullptr;
  const atrium_objects* objects_ = nullptr;
  const atrium_keys* keys_ = nullptr;
  const atrium_settings* settings_ = nullptr;
  const atrium_metrics* metrics_ = nullptr;
};

/// Who acts. Empty: the plugin itself. Borrowed from a request or call until keep() makes a copy that lasts.
class Principal {
 public:
  Principal() = default;
  static Principal borrowed(const Host& host, const atrium_principal* raw) {
    return {&host, std::shared_ptr<const atrium_principal>(std::shared_ptr<void>(), raw)};
  }
  /// For work that this plugin does in somebody's name, such as ("agent", id).
  static Principal act_as(const Host& host, std::string_view kind, std::string_view id) {
    return owned(host, host.auth().act_as(host.raw(), view(kind), view(id)));
  }
  Principal keep() const { return raw_ ? owned(*host_, host_->auth().copy(raw_.get())) : Principal(); }

  explicit operator bool() const { return raw_ != nullptr; }
  std::string_view kind() const { return raw_ ? text_of(host_->auth().kind(raw_.get())) : std::string_view("plugin"); }
  std::string_view id() const { return raw_ ? text_of(host_->auth().id(raw_.get())) : std::string_view(); }
  std::string_view role() const { return raw_ ? text_of(host_->auth().role(raw_.get())) : std::string_view(); }
  bool is_admin() const { return role() == "admin"; }
  const atrium_principal* raw() const { return raw_.get(); }

 private:
  Principal(const Host* host, std::shared_ptr<const atrium_principal> raw) : host_(host), raw_(std::move(raw)) {}
  static Principal owned(const Host& host, atrium_principal* raw) {
    return {&host, std::shared_ptr<const atrium_principal>(raw, [&host](const atrium_principal* p) {
              host.auth().free(const_cast<atrium_principal*>(p));
            })};
  }
  const Host* host_ = nullptr;
  std::shared_ptr<const atrium_principal> raw_;
};

}  // namespace atrium
