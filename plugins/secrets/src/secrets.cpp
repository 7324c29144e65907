#include "rotation.hpp"

#include <atrium/plugin.hpp>

namespace secrets {

using atrium::Async;
using atrium::Json;

namespace {

constexpr std::string_view tag = "Secrets Vault";

}  // namespace

/// The routes, the service and the command of the vault.
class Secrets final : public atrium::Plugin {
 public:
  void start() override {
    start_sodium();
    keys_ = atrium::Keys(host());
    keys_.current();  // without the interface this is the reason why it does not start
    vault_.emplace(host(), store(), keys_,
                   setting("versions_kept", Vault::default_versions_kept, Vault::most_versions_kept));
    rotation_.emplace(
        host(), store(), keys_, cancellation(),
        setting("rotation_batch", MasterRotation::default_batch, MasterRotation::most_in_batch),
        [this](std::chrono::milliseconds time) { return rest(time); },
        [this](Async<void> work) { spawn(std::move(work)); });
    describe_secrets();
    describe_versions();
    describe_rotation();
    provide_vault();
    spawn(rotation_->resume());
  }

 private:
  // ---- what is described ----
  static void admin_only(atrium::RouteOptions& options) { options.access = {"admin"}; }

  void describe_secrets() {
    auto secrets = resource<Secret>("/secrets", std::string(tag));
    secrets.list().filter("category").filter("owner_plugin").search("name").options(admin_only);
    secrets.create()
        .options(admin_only)
        .unannounced()
        .check([](const atrium::Request&, Secret& now, const Secret* before, std::vector<atrium::Fault>& faults) {
          const auto is_value = [](const atrium::Fault& fault) { return fault.pointer == "/value"; };
          if (now.value.empty() && std::none_of(faults.begin(), faults.end(), is_value))
            faults.push_back({"/value", "is the mask that answers show, not a value"});
          check_expiry(now.expires_at, before, faults);
        })
        .before([](atrium::Transaction& tx, const atrium::Principal& who, Secret& now, const Secret*) {
          require_free_name(tx, now);
          now.version = 1;
          now.created_by = atrium::Id::parse(who.id());
        })
        .after([this](atrium::Transaction& tx, const atrium::Principal&, Secret& now, const Secret*) {
          vault_->add(tx, now);
        });
    secrets.replace()
        .options(admin_only)
        .unannounced()
        .check([](const atrium::Request&, Secret& now, const Secret* before, std::vector<atrium::Fault>& faults) {
          check_expiry(now.expires_at, before, faults);
        })
        .before([](atrium::Transaction& tx, const atrium::Principal&, Secret& now, const Secret* before) {
          refuse_kept(*before);
          if (now.name != before->name) require_free_name(tx, now);
          if (!now.value.empty()) now.version = before->version + 1;
        })
        .after([this](atrium::Transaction& tx, const atrium::Principal& who, Secret& now, const Secret*) {
          if (!now.value.empty()) vault_->append(tx, now, who);
        });
    secrets.remove()
        .options(admin_only)
        .unannounced()
        .before([this](atrium::Transaction& tx, const atrium::Principal&, Secret& now, const Secret*) {
          vault_->shred(tx, now.id);
        });
    resource<Secret>("/secrets/expiring", std::string(tag))
        .list()
        .where("expires_at IS NOT NULL")
        .narrow([](const atrium::Request& request, atrium::Parameters& parameters) {
          const std::chrono::hours ahead(24 * request.number("days", 30, 1, 3650));
          parameters.integer((atrium::Time::now() + ahead).microseconds);
          return std::string("expires_at <= ?");
        })
        .order("expires_at")
        .options([](atrium::RouteOptions& options) {
          admin_only(options);
          options.summary = "List what expires within some days or has expired, soonest first";
          options.query.push_back(
              atrium::query_parameter("days", "How many days ahead",
                                      {{"type", "integer"}, {"minimum", 1}, {"maximum", 3650}, {"default", 30}}));
        });
    describe_reading();
    post("/secrets/{id}/rotate",
         {.summary = "Give a secret its next value",
          .description = "The value of the body, or a random one. The versions before stay, up to a bound.",
          .access = {"admin"},
          .runs = atrium::Runs::fast_read,
          .body = atrium::schema<RotateBody>(true),
          .body_required = false,
          .answer = atrium::schema<Secret>(),
          .tag = tag},
         [this](atrium::Request request) { rotate(std::move(request)); });
  }

  void describe_reading() {
    get("/secrets/{id}",
        {.summary = "Read one; its value only on purpose",
         .description = "With reveal=true the value is in the answer, once the audit log says so.",
         .access = {"admin"},
         .query = {atrium::query_parameter("reveal", "Show the value", {{"type", "boolean"}, {"default", false}}),
                   atrium::query_parameter("version", "With reveal: of which version; by default the newest",
                                           {{"type", "integer"}, {"minimum", 1}})},
         .answer = atrium::schema<Secret>(),
         .tag = tag},
        [this](atrium::Request& request) { return read(request); });
  }

  void describe_versions() {
    resource<Version>("/secrets/{id}/versions", std::string(tag))
        .list()
        .narrow([this](const atrium::Request& request, atrium::Parameters& parameters) {
          parameters.own_text(store().get<Secret>(request.principal(), request.id()).id.str());
          return std::string("secret_id = ?");
        })
        .options([](atrium::RouteOptions& options) {
          admin_only(options);
          options.summary = "List the versions that are kept of a secret, newest first";
        });
  }

  void describe_rotation() {
    const Json answer = atrium::schema<RotationProgress>();
    get("/secrets/rotate-master",
        {.summary = "How far the rotation of the master key is",
         .access = {"admin"},
         .runs = atrium::Runs::fast_read,
         .answer = answer,
         .tag = tag},
        [this](atrium::Request&) { return atrium::ok(rotation_->progress()); });
    post("/secrets/rotate-master",
         {.summary = "Make a new master key and wrap every data key under it",
          .description = "Answers once it runs, or with the one that runs already; secrets stay in use meanwhile.",
          .access = {"admin"},
          .status = 202,
          .answer = answer,
          .tag = tag},
         [this](atrium::Request& request) { return begin_rotation(request); });
    provide("command/secrets").on("run", [this](atrium::Call call) { return run_command(std::move(call)); });
  }

  void provide_vault() {
    provide(std::string(atrium::vault::service))
        .on("keep", [this](const atrium::Call& call) { return vault_->keep(call); })
        .on("forget", [this](const atrium::Call& call) { return vault_->forget(call); })
        .on("check", [this](const atrium::Call& call) { return vault_->check(call); })
        .on("take", [this](atrium::Call call) { return vault_->take(std::move(call)); });
  }

  // ---- rules ----
  std::int64_t setting(const std::string& name, std::int64_t otherwise, std::int64_t most) const {
    const Json all = configuration();
    const auto found = all.find(name);
    if (found == all.end()) return otherwise;
    if (!found->is_number_integer() || found->get<std::int64_t>() < 1 || found->get<std::int64_t>() > most)
      throw atrium::invalid(name, "must be a whole number from 1 to " + std::to_string(most));
    return found->get<std::int64_t>();
  }
  static void check_expiry(const std::optional<atrium::Time>& now, const Secret* before,
                           std::vector<atrium::Fault>& faults) {
    if (now && *now <= atrium::Time::now() && (!before || now != before->expires_at))
      faults.push_back({"/expires_at", "must lie in the future"});
  }
  static void refuse_kept(const Secret& secret) {
    if (secret.owner_plugin)
      throw atrium::conflict("The plugin " + *secret.owner_plugin +
                             " keeps this secret: change it where that plugin shows it.");
  }
  /// The constraint decides; this says why.
  static void require_free_name(const atrium::Transaction& tx, const Secret& secret) {
    if (tx.value<std::string>("SELECT id FROM secrets WHERE name = ? AND owner_plugin IS NULL", secret.name))
      throw atrium::conflict("There is a secret of this name already.");
  }

  // ---- routes ----
  Async<atrium::Reply> read(atrium::Request& request) {
    const auto reveal = request.query("reveal");
    if (reveal && reveal != "true" && reveal != "false") throw atrium::invalid("?reveal", "must be true or false");
    const bool reveals = reveal == "true";
    if (!reveals && request.query("version")) throw atrium::invalid("?version", "needs reveal=true");
    const auto id = request.id();
    if (!reveals) co_return atrium::ok(store().get<Secret>(request.principal(), id));

    std::optional<std::int64_t> version;
    if (request.query("version")) version = request.number("version", 1, 1, std::numeric_limits<std::int64_t>::max());
    const atrium::Principal who = request.principal();
    auto auditing = store().commit(who, [who, id](atrium::Transaction& tx) {
      Secret secret = tx.get<Secret>(who, id);
      tx.audit("secret.revealed", Secret::event, id.text());
      return secret;
    });
    const Secret secret = co_await auditing;
    const auto opened = vault_->open(id, version);
    Json json = Json::parse(atrium::to_json(secret));
    json["value"] = opened.value.reveal();
    json["version"] = opened.version;
    atrium::Reply reply = atrium::ok(json);
    reply.headers.emplace_back("cache-control", "no-store");
    co_return reply;
  }

  void rotate(atrium::Request request) {
    const auto prepare = [this](atrium::Request& asked) {
      auto body = asked.body().empty() ? RotateBody{} : asked.parse<RotateBody>();
      std::vector<atrium::Fault> faults;
      check_expiry(body.expires_at, nullptr, faults);
      if (!faults.empty()) throw atrium::invalid(std::move(faults));
      if (body.value.empty()) body.value = random_text();
      return [this, body = std::move(body), id = asked.id(), who = asked.principal()](atrium::Transaction& tx) {
        // Written before it is read: of two rotations at once each gets a version of its own.
        tx.exec("UPDATE secrets SET version = version + 1, revision = revision + 1, updated_at = ? WHERE id = ?",
                atrium::Time::now(), id);
        auto secret = tx.get<Secret>(who, id);
        refuse_kept(secret);
        if (body.expires_at) {
          secret.expires_at = body.expires_at;
          tx.exec("UPDATE secrets SET expires_at = ? WHERE id = ?", secret.expires_at, id);
        }
        secret.value = body.value;
        vault_->append(tx, secret, who);
        tx.audit("secret.rotated", Secret::event, id.text());
        return secret;
      };
    };
    atrium::answer_committed(store(), std::move(request), prepare, [](const Secret& now) { return atrium::ok(now); });
  }

  Async<atrium::Reply> begin_rotation(atrium::Request& request) {
    auto beginning = rotation_->begin(request.principal());
    co_await beginning;
    atrium::Reply reply = atrium::ok(rotation_->progress());
    reply.status = 202;
    co_return reply;
  }

  // ---- the command ----
  Async<void> rest(std::chrono::milliseconds time) {
    auto sleeping = sleep(time, cancellation());
    co_await sleeping;
  }

  Async<Json> run_command(atrium::Call call) {
    const bool as_json = parse_command(call.json().value("arguments", Json::array()));
    if (!call.principal().is_admin()) throw atrium::forbidden("only an admin rotates the master key");
    auto beginning = rotation_->begin(call.principal());
    co_await beginning;
    auto progress = rotation_->progress();
    std::int64_t last = -1;
    while (progress.state == RotationState::rotating && !call.cancellation().requested() &&
           !cancellation().requested()) {
      if (progress.remaining != std::exchange(last, progress.remaining))
        say(call, "err", std::to_string(progress.remaining) + " of " + std::to_string(progress.total) + " to go");
      auto resting = rest(std::chrono::milliseconds(100));
      co_await resting;
      progress = rotation_->progress();
    }
    co_return tell(call, progress, as_json);
  }

  static bool parse_command(const Json& arguments) {
    if (arguments.empty() || arguments[0] != "rotate-master") throw atrium::bad_request("say what to do");
    if (arguments.size() > 2 || (arguments.size() == 2 && arguments[1] != "--json"))
      throw atrium::bad_request("rotate-master takes nothing but --json");
    return arguments.size() == 2;
  }
  static void say(const atrium::Call& call, const char* where, const std::string& text) {
    call.emit({{where, text + "\n"}});
  }
  static Json tell(const atrium::Call& call, const RotationProgress& progress, bool as_json) {
    if (as_json) say(call, "out", atrium::to_json(progress));
    if (progress.state == RotationState::idle) {
      if (!as_json) say(call, "out", "The master key is " + progress.key_id + "; the former one is gone.");
      return {{"exit", 0}};
    }
    say(call, "err",
        progress.state == RotationState::blocked
            ? "atrium: " + std::to_string(progress.remaining) +
                  " secrets cannot be read with the keys here, so the former key stays: bring back their master key or "
                  "delete them (GET /api/v1/secrets/rotate-master names them), then run this again"
            : "atrium: the kernel stops; the rotation goes on when it runs again");
    return {{"exit", 1}};
  }

  atrium::Keys keys_;
  std::optional<Vault> vault_;
  std::optional<MasterRotation> rotation_;
};

}  // namespace secrets

ATRIUM_PLUGIN(secrets::Secrets)
