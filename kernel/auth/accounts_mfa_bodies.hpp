#pragma once
// What clients send to the routes of multi-factor authentication, and get from them.
#include <atrium/members.hpp>

#include <string>
#include <vector>

namespace kernel::auth {

struct MfaSetupReply {
  std::string secret, otpauth_uri, qr_code;
  static constexpr auto members = atrium::members(
      atrium::member("secret", &MfaSetupReply::secret)
          .read_only()
          .description("Base32, for an authenticator that cannot scan"),
      atrium::member("otpauth_uri", &MfaSetupReply::otpauth_uri).read_only().description("What the QR code says"),
      atrium::member("qr_code", &MfaSetupReply::qr_code)
          .read_only()
          .description("The QR code to scan: a picture as a data:image/png;base64 URI"));
};

struct MfaVerifyBody {
  std::string code;
  static constexpr auto members = atrium::members(atrium::member("code", &MfaVerifyBody::code)
                                                      .length(1, 100)
                                                      .description("The six digits that the authenticator shows")
                                                      .required());
};

struct RecoveryCodesReply {
  bool mfa_enabled = true;
  std::vector<std::string> recovery_codes;
  static constexpr auto members = atrium::members(
      atrium::member("mfa_enabled", &RecoveryCodesReply::mfa_enabled).read_only(),
      atrium::member("recovery_codes", &RecoveryCodesReply::recovery_codes)
          .read_only()
          .description("Ten, shown this once; each signs in once in place of the authenticator's code"));
};

struct BothFactorsBody {
  std::string password, mfa_code;
  static constexpr auto members = atrium::members(
      atrium::member("password", &BothFactorsBody::password).length(1, 1000).format("password").required(),
      atrium::member("mfa_code", &BothFactorsBody::mfa_code)
          .length(1, 100)
          .description("What the authenticator shows, or a recovery code")
          .required());
};

struct MfaStateReply {
  bool mfa_enabled = false;
  static constexpr auto members =
      atrium::members(atrium::member("mfa_enabled", &MfaStateReply::mfa_enabled).read_only());
};

}  // namespace kernel::auth
