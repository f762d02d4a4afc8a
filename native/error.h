/* SPDX-License-Identifier: MIT */
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace sallyport {

/* A failure that becomes NativeError in JavaScript: the errno, the step that failed and, for a rejected program, the
 * verifier's log. */
class Failure : public std::system_error {
public:
	Failure(int error, std::string step, std::string log = {})
		: std::system_error(error, std::generic_category(), step), step_(std::move(step)),
		  log_(std::move(log)) {}

	const std::string& step() const { return step_; }
	const std::string& log() const { return log_; }

private:
	std::string step_;
	std::string log_;
};

/* Checks the result of a system call or of libbpf 1.x, which both set errno. */
template <typename Result>
Result check(Result result, const std::string& step) {
	if (result < 0) throw Failure(errno, step);
	return result;
}

/* The same for a pointer; null is the failure. */
template <typename Thing>
Thing* check(Thing* thing, const std::string& step) {
	if (thing == nullptr) throw Failure(errno, step);
	return thing;
}

} // namespace sallyport
