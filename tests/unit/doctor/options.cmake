target_compile_definitions(unit_doctor PRIVATE
  SIGWAY_DOCTOR_CASES="${PROJECT_SOURCE_DIR}/tests/doctor/cases")
