#include "auth/accounts.hpp"
#include "auth/accounts_mfa_bodies.hpp"
#include "auth/qr_code.hpp"

namespace kernel::auth {
namespace {

constexpr std::string_view tag = "Authentication";

atrium::Reply never_stored(atrium::Reply reply) {
  reply.headers.emplace_back("cache-control", "no-store");
  return reply;
}

}  // namespace

void Accounts::declare_mfa() {
  post("/auth/mfa/setup",
       {.summary = "Begin to set up an authenticator app: a secret, and a QR code to scan",
        .description = "Nothing changes until /auth/mfa/verify has seen a code; calling this again gives a new secret "
                       "in place of the one before. Where MFA is on: 409.",
        .access = {"user", without_mfa, session_only},
        .answer = atrium::schema<MfaSetupReply>(),
        .tag = tag,
        .viewer = true,
        .idempotency = false},
       [this](atrium::Request& request) { return set_up_mfa(request); });
  post("/auth/mfa/verify",
       {.summary = "Turn MFA on with a first code of the authenticator; answers the recovery codes",
        .description = "From now on a login needs mfa_code. Ends every other session of mine. A wrong code: 422.",
        .access = {"user", without_mfa, session_only},
        .body = atrium::schema<MfaVerifyBody>(true),
        .answer = atrium::schema<RecoveryCodesReply>(),
        .tag = tag,
        .viewer = true,
        .idempotency = false},
       [this](atrium::Request& request) { return verify_mfa(request); });
  post("/auth/mfa/recovery-codes",
       {.summary = "Ten new recovery codes; those before stop working",
        .description = "A wrong password or code: 401, counted as a failed login. Where MFA is off: 409.",
        .access = {"user", without_mfa, session_only},
        .body = atrium::schema<BothFactorsBody>(true),
        .answer = atrium::schema<RecoveryCodesReply>(),
        .tag = tag,
        .viewer = true,
        .idempotency = false},
       [this](atrium::Request& request) { return renew_recovery_codes(request); });
  post("/auth/mfa/disable",
       {.summary = "Turn MFA off; ends every other session of mine",
        .description = "A wrong password or code: 401, counted as a failed login. Where MFA is off: 409.",
        .access = {"user", without_mfa, session_only},
        .body = atrium::schema<BothFactorsBody>(true),
        .answer = atrium::schema<MfaStateReply>(),
        .tag = tag,
        .viewer = true,
        .idempotency = false},
       [this](atrium::Request& request) { return disable_mfa(request); });
  remove("/admin/users/{id}/mfa",
         {.summary = "Turn MFA off for somebody who lost the authenticator; ends their sessions",
          .description = "Not for oneself, which takes both factors: /auth/mfa/disable. Where MFA is off: 404.",
          .access = {"admin"},
          .status = 204,
          .tag = "Admin"},
         [this](atrium::Request& request) { return remove_mfa(request); });
}

atrium::Reply Accounts::set_up_mfa(atrium::Request& request) {
  const Caller caller = caller_of_(request);
  auto offer = auth_.mfa.offer(actor_of(*caller.who), auth_.users.get(caller.who->id));
  MfaSetupReply body;
  body.qr_code = qr_code_data_uri(offer.otpauth_uri);
  body.secret = std::move(offer.secret);
  body.otpauth_uri = std::move(offer.otpauth_uri);
  return never_stored(atrium::ok(body));
}

atrium::Reply Accounts::verify_mfa(atrium::Request& request) {
  const Caller caller = caller_of_(request);
  const auto body = request.parse<MfaVerifyBody>();
  RecoveryCodesReply reply;
  reply.recovery_codes = auth_.mfa.activate(actor_of(*caller.who), caller.who->id, body.code, caller.who->session_id);
  return never_stored(atrium::ok(reply));
}

atrium::Reply Accounts::renew_recovery_codes(atrium::Request& request) {
  const Caller caller = caller_of_(request);
  const auto body = request.parse<BothFactorsBody>();
  RecoveryCodesReply reply;
  auth_.sign_in.confirm_both(*caller.who, body.password, body.mfa_code, [&](storage::Transaction& transaction) {
    reply.recovery_codes = auth_.mfa.renew_recovery_codes(transaction, caller.who->id);
  });
  return never_stored(atrium::ok(reply));
}

atrium::Reply Accounts::disable_mfa(atrium::Request& request) {
  const Caller caller = caller_of_(request);
  const auto body = request.parse<BothFactorsBody>();
  auth_.sign_in.confirm_both(*caller.who, body.password, body.mfa_code, [&](storage::Transaction& transaction) {
    auth_.mfa.turn_off(transaction, caller.who->id, caller.who->session_id);
  });
  return atrium::ok(MfaStateReply{});
}

atrium::Reply Accounts::remove_mfa(atrium::Request& request) {
  const Caller caller = caller_of_(request);
  const User user = auth_.users.get(request.id().text());
  if (user.id.text() == caller.who->id)
    throw atrium::conflict("Your own takes your password and a code: POST /auth/mfa/disable.");
  auth_.mfa.remove(actor_of(*caller.who), user.id.str());
  return atrium::no_content();
}

}  // namespace kernel::auth
