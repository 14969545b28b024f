from pyflink.datastream import StreamExecutionEnvironment
from pyflink.common.typeinfo import Types

# 실행 환경 생성
# PyFlink에서는 MiniCluster(내장 플링크 클러스터)가 자동으로 실행됨
env = StreamExecutionEnvironment.get_execution_environment()

# 병렬도 설정 (선택 사항)
# 병렬도가 1이면 단일 task로 처리되며 실행 순서 확인에 용이
env.set_parallelism(1)

# 예시 데이터 소스 생성
# from_collection()은 리스트 기반의 로컬 데이터를 스트림으로 변환
data = env.from_collection(
    collection=[("apple", 1), ("banana", 1), ("apple", 1)],
    type_info=Types.TUPLE([Types.STRING(), Types.INT()])
)

# 4. Transformation: keyBy + sum
# key_by(): 특정 key 기준으로 그룹핑
# lambda x: x[0] → tuple의 첫 번째 값 기준으로 그룹화 ("apple", "banana")
# sum(1) → tuple의 두 번째 요소(index=1)에 대해 합산
result = data.key_by(lambda x: x[0]).sum(1)

# DAG 실행 계획 출력 (JSON 문자열 형식)
# Flink가 내부적으로 구성한 DAG(실행 그래프)를 JSON 형태로 출력
execution_plan = env.get_execution_plan()
print("DAG Execution Plan: \n", execution_plan)

# 출력: 콘솔에 출력
# 처리된 결과를 콘솔로 출력하는 가장 간단한 Sink
result.print()

# 실행
# 이제 Flink가 정의된 Source → Transformation → Sink 파이프라인을 실행함
env.execute("Basic PyFlink Job")
