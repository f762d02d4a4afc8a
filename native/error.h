/* SPDX-License-Identifier: MIT */
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace sallyport {

/* What crosses to JavaScript as NativeError: the errno, the step that failed and, for a rejected
 * program, what the verifier said. */
class Failure : public std::system_error {
public:
	Failure(int error, std::string step, std::string log = {})
		: std::system_error(error, std::generic_category(), step), step_(std::move(step)), log_(std::move(log)) {}

	const std::string& step() const { return step_; }
	const std::string& log() const { return log_; }

private:
	std::string step_;
	std::string log_;
};

/* For system calls and libbpf 1.x alike: both set errno. */
template <typename Result>
Result check(Result result, const std::string& step) {
	if (result < 0) throw Failure(errno, step);
	return result;
}

template <typename Thing>
Thing* check(Thing* thing, const std::string& step) {
	if (thing == nullptr) throw Failure(errno, step);
	return thing;
}

} // namespace sallyport
