#pragma once
// A file on its way in: named, judged by its first bytes, and handed to the store of objects as it comes.
#include "file.hpp"
#include "kind.hpp"

#include <atrium/multipart.hpp>

#include <set>

namespace files {

/// Objects between their end and the commit of their row: the sweep leaves them alone.
class InFlight {
 public:
  class Mark {
   public:
    Mark(InFlight& all, const atrium::Id& id) : all_(all), id_(id.str()) {
      const std::lock_guard lock(all_.mutex_);
      all_.ids_.insert(id_);
    }
    Mark(const Mark&) = delete;
    ~Mark() {
      const std::lock_guard lock(all_.mutex_);
      all_.ids_.erase(id_);
    }

   private:
    InFlight& all_;
    const std::string id_;
  };
  bool contains(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    return ids_.contains(id);
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> ids_;
};

/// Dropped before finish(), nothing of it remains. On pool threads only.
class Intake {
 public:
  Intake(const atrium::Objects& objects, const Sniffer& sniffer, const atrium::Id& id)
      : objects_(&objects), sniffer_(&sniffer) {
    file_.id = id;
  }

  /// The parts of a form with one file, named "file".
  atrium::MultipartEvents events();
  void begin(std::string_view filename, std::string_view claimed_type);
  void append(std::string_view data);
  /// The file without a row yet; its bytes survive from here on.
  File finish();

 private:
  void judge();

  const atrium::Objects* objects_;
  const Sniffer* sniffer_;
  std::optional<atrium::Upload> upload_;
  std::string head_, claim_;
  bool judged_ = false;
  File file_;
};

}  // namespace files
