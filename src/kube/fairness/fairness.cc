// SPDX-License-Identifier: Apache-2.0
#include "kube/fairness/fairness.h"

#include <algorithm>
#include <functional>

#include "kube/api/stored_kinds.h"
#include "kube/fairness/priority_level.h"
#include "kube/fairness/stock_flows.h"

namespace gantry::kube {
namespace {

constexpr const char* kLastResort = "catch-all";  // schema and level
constexpr int kRetryAfter = 1;                    // seconds
constexpr std::int64_t kMaxLines = 10'000;        // of a level, whatever its object says

// The stock object of that name; null: there is none.
const json::Tree* find_stock(std::string_view stored_as, std::string_view name) {
  static const std::vector<StockObject> stock = stock_flows();
  for (const StockObject& each : stock)
    if (each.stored_as == stored_as && each.object.text_at("metadata", "name") == name) return &each.object;
  return nullptr;
}

std::int64_t number_at(const json::Tree& of, const char* key, std::int64_t otherwise) {
  const json::Tree* number = of.find(key);
  return number == nullptr ? otherwise : number->as_int64().value_or(otherwise);
}

Status refused() { return too_many_requests("Too many requests, please try again later.", kRetryAfter); }

// Part of all, rounded up.
std::size_t part_of(std::size_t all, std::int64_t shares, std::int64_t all_shares) {
  if (shares <= 0 || all_shares <= 0) return 0;
  return (all * static_cast<std::size_t>(shares) + static_cast<std::size_t>(all_shares) - 1) /
         static_cast<std::size_t>(all_shares);
}

}  // namespace

LevelSettings LevelSettings::from_tree(const json::Tree& level) {
  static const json::Tree kNothing;
  LevelSettings settings{.uid = std::string(level.text_at("metadata", "uid")),
                         .is_exempt = level.text_at("spec", "type") == "Exempt"};
  const json::Tree* found = level.find("spec", settings.is_exempt ? "exempt" : "limited");
  const json::Tree& limited = found == nullptr ? kNothing : *found;
  settings.shares = std::clamp<std::int64_t>(
      number_at(limited, "nominalConcurrencyShares", settings.is_exempt ? 0 : 30), 0, 1'000'000);
  settings.lendable_percent = std::clamp<std::int64_t>(number_at(limited, "lendablePercent", 0), 0, 100);
  if (const json::Tree* borrowing = limited.find("borrowingLimitPercent");
      borrowing != nullptr && !borrowing->is_null())
    settings.borrowing_percent = std::clamp<std::int64_t>(borrowing->as_int64().value_or(0), 0, 1'000'000);
  if (limited.text_at("limitResponse", "type") != "Queue") return settings;
  const json::Tree* queuing = limited.find("limitResponse", "queuing");
  const json::Tree& lines = queuing == nullptr ? kNothing : *queuing;
  settings.queue.lines =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(number_at(lines, "queues", 64), 1, kMaxLines));
  settings.queue.hand =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(number_at(lines, "handSize", 8), 1, 16));
  settings.queue.max_length = static_cast<std::size_t>(
      std::clamp<std::int64_t>(number_at(lines, "queueLengthLimit", 50), 1, 100'000));
  return settings;
}

Seat::~Seat() {
  if (owner_ != nullptr) owner_->release(*level_);
}

Fairness::Fairness(FairnessOptions options, ObjectSource& objects) : options_(options) {
  {
    MutexLock lock(mutex_);
    for (const StockObject& stock : stock_flows()) {
      if (stock.stored_as == stored::kFlowSchemas)
        put_schema(FlowSchema::from_tree(stock.object));
      else
        put_level(stock.object.text_at("metadata", "name"), stock.object);
    }
    share_seats();
  }
  followers_.push_back(
      objects.follow(stored::kPriorityLevels, [this](const ObjectChange& c) { change_level(c); }));
  followers_.push_back(
      objects.follow(stored::kFlowSchemas, [this](const ObjectChange& c) { change_schema(c); }));
}

Fairness::~Fairness() = default;

// ---- What the objects say

void Fairness::put_schema(FlowSchema schema) {
  std::erase_if(schemas_, [&](const FlowSchema& each) { return each.name == schema.name; });
  const auto before = [](const FlowSchema& a, const FlowSchema& b) {
    return std::tie(a.precedence, a.name) < std::tie(b.precedence, b.name);
  };
  schemas_.insert(std::ranges::upper_bound(schemas_, schema, before), std::move(schema));
}

void Fairness::change_schema(const ObjectChange& change) {
  const json::Tree* object =
      change.object != nullptr ? change.object : find_stock(stored::kFlowSchemas, change.name);
  MutexLock lock(mutex_);
  if (object != nullptr)
    put_schema(FlowSchema::from_tree(*object));
  else
    std::erase_if(schemas_, [&](const FlowSchema& each) { return each.name == change.name; });
}

// Who sits or waits in a level that changes stays where he is.
void Fairness::put_level(std::string_view name, const json::Tree& object) {
  std::shared_ptr<PriorityLevel>& level = levels_[std::string(name)];
  if (level == nullptr) level = std::make_shared<PriorityLevel>();
  level->settings = LevelSettings::from_tree(object);
  if (level->waiting.empty()) level->waiting = FairQueue<Waiter>(level->settings.queue);
}

void Fairness::change_level(const ObjectChange& change) {
  const json::Tree* object =
      change.object != nullptr ? change.object : find_stock(stored::kPriorityLevels, change.name);
  MutexLock lock(mutex_);
  if (object != nullptr) {
    put_level(change.name, *object);
  } else if (const auto level = levels_.find(change.name); level != levels_.end()) {
    // Those who wait in it are seated at once: there is no line any more that they could stand in.
    while (Waiter* waiter = level->second->waiting.pop()) {
      ++level->second->in_use;
      ++in_use_;
      --waiting_;
      waiter->is_seated = true;
      waiter->changed.notify_one();
    }
    levels_.erase(level);
  }
  share_seats();
  seat_those_who_wait();
}

void Fairness::share_seats() {
  std::int64_t all_shares = 0;
  for (const auto& [name, level] : levels_) all_shares += level->settings.shares;
  for (const auto& [name, level] : levels_) {
    const LevelSettings& settings = level->settings;
    level->nominal = part_of(options_.seats, settings.shares, all_shares);
    level->reserved =
        level->nominal - level->nominal * static_cast<std::size_t>(settings.lendable_percent) / 100;
    level->most =
        settings.borrowing_percent
            ? level->nominal + level->nominal * static_cast<std::size_t>(*settings.borrowing_percent) / 100
            : options_.seats;
  }
}

// ---- Requests

const FlowSchema& Fairness::schema_of(const AccessRequest& request) const {
  for (const FlowSchema& schema : schemas_)
    if (schema.matches(request) && levels_.contains(schema.level)) return schema;
  return *std::ranges::find(schemas_, kLastResort, &FlowSchema::name);  // always there: it is a stock one
}

Answer<Seat> Fairness::admit(const AccessRequest& request) {
  MutexLock lock(mutex_);
  const FlowSchema& schema = schema_of(request);
  const auto found = levels_.find(schema.level);
  const std::shared_ptr<PriorityLevel> level =
      found != levels_.end() ? found->second : levels_.find(kLastResort)->second;
  std::string schema_uid = schema.uid, level_uid = level->settings.uid;
  if (level->settings.is_exempt) return Seat(nullptr, nullptr, std::move(schema_uid), std::move(level_uid));
  if (level->waiting.empty() && has_seat_for(*level)) {
    ++level->in_use;
    ++in_use_;
  } else {
    const std::hash<std::string_view> hash;
    TRY(wait(*level, hash(schema.name) * 31 + hash(schema.flow_of(request))));
  }
  return Seat(this, level, std::move(schema_uid), std::move(level_uid));
}

// What a level keeps for itself it always gets; beyond that, as much as the others do not use or keep.
bool Fairness::has_seat_for(const PriorityLevel& level) const {
  if (level.in_use < std::max<std::size_t>(level.reserved, 1)) return true;
  if (level.in_use >= level.most) return false;
  std::size_t taken = level.in_use + 1;
  for (const auto& [name, other] : levels_)
    if (other.get() != &level) taken += std::max(other->in_use, other->reserved);
  return taken <= options_.seats;
}

Answer<void> Fairness::wait(PriorityLevel& level, std::uint64_t flow) {
  Waiter waiter;
  if (waiting_ >= options_.max_waiting || !level.waiting.push(flow, &waiter)) return refused();
  ++waiting_;
  const auto deadline = std::chrono::steady_clock::now() + options_.max_wait;
  while (!waiter.is_seated)
    if (!waiter.changed.wait_until(mutex_, deadline) && !waiter.is_seated) {
      level.waiting.remove(&waiter);
      --waiting_;
      return refused();
    }
  return {};
}

void Fairness::release(PriorityLevel& level) {
  MutexLock lock(mutex_);
  --level.in_use;
  --in_use_;
  seat_those_who_wait();
}

// Levels in turn, one of each, for as long as there is a seat for anybody.
void Fairness::seat_those_who_wait() {
  for (std::size_t passed_over = 0; waiting_ != 0 && passed_over < levels_.size();) {
    auto next = levels_.upper_bound(last_served_);
    if (next == levels_.end()) next = levels_.begin();
    last_served_ = next->first;
    PriorityLevel& level = *next->second;
    if (level.waiting.empty() || !has_seat_for(level)) {
      ++passed_over;
      continue;
    }
    passed_over = 0;
    Waiter* waiter = level.waiting.pop();
    ++level.in_use;
    ++in_use_;
    --waiting_;
    waiter->is_seated = true;
    waiter->changed.notify_one();
  }
}

std::vector<Fairness::LevelUse> Fairness::use() const {
  std::vector<LevelUse> use;
  MutexLock lock(mutex_);
  for (const auto& [name, level] : levels_)
    use.push_back({name, level->nominal, level->in_use, level->waiting.size()});
  return use;
}

std::size_t Fairness::in_use() const {
  MutexLock lock(mutex_);
  return in_use_;
}

std::size_t Fairness::waiting() const {
  MutexLock lock(mutex_);
  return waiting_;
}

}  // namespace gantry::kube
